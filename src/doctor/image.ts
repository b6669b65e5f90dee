import { existsSync } from "node:fs";
import { join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { checkKernelFeatures } from "../image/check-kernel.ts";
import { defaultImageDirs } from "../image/guest-image.ts";
import { initramfsFormat } from "../image/initramfs-file.ts";
import { describeLack } from "../image/kernel-features.ts";
import { fail, notChecked, ok, warn, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import type { Context } from "./context.ts";
import { inSourceTree } from "./source-tree.ts";

/** What VMs boot from. */
export const IMAGE_CHECKS: readonly Check[] = [
  { group: "guest image", name: "initramfs", modes: ["vm"], run: initramfs },
  { group: "guest image", name: "guest kernel", modes: ["vm"], run: kernel },
  { group: "guest image", name: "kernel features", modes: ["vm"], run: features },
  { group: "guest image", name: "runc in the VM", modes: [], run: runc },
];

const makeKernel = (): string => inSourceTree("scripts/build-kernel.sh --distro");
/** It is compiled once, and kept. */
const makeOurs = (): string => `${inSourceTree("scripts/build-kernel.sh")} (eight minutes, once)`;
const MEND_CACHE = "run it with sudo; or as root: mkdir -p /var/lib/nano-sandbox/vm/cache";
/** CONFIG_LOCALVERSION of guest/kernel/nano-sandbox.config. */
const isOurs = (release: string): boolean => release.endsWith("-nk");
const makeInitramfs = (): string => inSourceTree("scripts/build-rootfs.sh");

function initramfs({ settings }: Context): Finding {
  const places = settings.rootfs === undefined ? imagePlaces("rootfs/initramfs.cpio") : [settings.rootfs];
  const path = places.find((place) => existsSync(place));
  if (path === undefined) return fail(`none: looked for ${places.join(" and ")}`, makeInitramfs());
  const format = initramfsFormat(path);
  return format === undefined
    ? fail(`${path} is not an initramfs`, makeInitramfs())
    : ok(`${format} (${path})`);
}

async function kernel(context: Context): Promise<Finding> {
  if (initramfs(context).status === "fail") return notChecked("initramfs");
  try {
    const { file, release, format, path } = (await context.image()).kernel;
    const kind = path === file ? (format === "elf" ? "ELF" : "bzImage") : "bzImage, unpacked";
    const found = `${release}, ${kind} (${file})`;
    if (context.settings.kernel !== undefined || isOurs(release)) return ok(found);
    return warn(`${found}; in software it boots about four times slower than our own`, makeOurs());
  } catch (error) {
    const { message, code } = asNkError(error);
    // Not what the kernel is, but where it is prepared.
    if (code === "HOST") return fail(message, MEND_CACHE);
    const make =
      context.settings.kernel === undefined
        ? makeKernel()
        : `name another with --vm-kernel, or ${makeKernel()}`;
    return fail(message, make);
  }
}

/** Against the share that is asked for and, with a bundle, its config.json. */
async function features({ image, needs }: Context): Promise<Finding> {
  const found = await image().catch(() => undefined);
  if (found === undefined) return notChecked("guest kernel");
  checkKernelFeatures(found.kernel, await needs());
  const { shares, lacks } = found.kernel;
  const has = `mounts ${shares.join(" and ")}`;
  if (lacks.length === 0) return ok(has);
  return warn(
    `${has}; it ${lacks.map(describeLack).join(", ")}`,
    "only if you need it: another kernel, see docs/guest-kernels.md",
  );
}

function runc(): Finding {
  const found = imagePlaces("rootfs/initramfs-runc.cpio").find((path) => existsSync(path));
  if (found !== undefined) return ok(`there, for --vm-runtime=runc (${found})`);
  return warn("not there: --vm-runtime=runc cannot be used", `apt-get install runc; ${makeInitramfs()}`);
}

function imagePlaces(name: string): string[] {
  return defaultImageDirs().map((dir) => join(dir, name));
}

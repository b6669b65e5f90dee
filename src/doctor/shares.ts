import { existsSync } from "node:fs";
import { asNkError } from "../base/errors.ts";
import { diskFormatsOf } from "../image/disk-format.ts";
import { toolObstacle } from "../image/disk-tools.ts";
import type { KernelImage } from "../image/kernel.ts";
import { findDiod, requireDiod } from "../share/diod.ts";
import { requireGuestDriver } from "../share/guest-driver.ts";
import { findVirtiofsd } from "../share/virtiofs.ts";
import { shareKind } from "../vm/qemu/choose-share.ts";
import { VHOST_VSOCK } from "../vm/qemu/share-device.ts";
import { fail, lacking, notChecked, ok, warn, type Check, type Finding } from "./check.ts";
import type { Context } from "./context.ts";
import { virtiofsdPackage } from "./distribution.ts";
import { mendQemu, qemuPath } from "./qemu-path.ts";
import { firstLine, runProgram, versionIn } from "./run-program.ts";

/** How files get into a VM. */
export const SHARE_CHECKS: readonly Check[] = [
  { group: "shares", name: "share in force", modes: ["vm"], run: inForce },
  { group: "shares", name: "virtiofs", modes: ["vm"], run: virtiofs },
  { group: "shares", name: "9p", modes: [], run: nineP },
  { group: "shares", name: "9p-vsock", modes: [], run: ninePVsock },
  { group: "shares", name: "disk images", modes: [], run: diskImages },
];

async function inForce(context: Context): Promise<Finding> {
  const found = await context.image().catch(() => undefined);
  if (found === undefined) return notChecked("guest image");
  const { share: want, blockFs } = context.settings;
  const [vmm, share] = await Promise.all([context.vmm(), context.share()]);
  const how = want === "auto" ? "chosen by auto" : "as asked for";
  if (share === "block" && vmm === "qemu" && want === "auto" && context.needsFolders)
    return fail(
      "none: bind mounts and --vm-sync need one, and neither virtiofs nor 9p can be had",
      mendVirtiofsd(),
    );
  if (share === "block") return blockInForce(found.kernel, blockFs, how);
  try {
    if (vmm === "firecracker") {
      requireGuestDriver("9p-vsock", found.kernel.shares);
      requireDiod();
    }
    const kind = vmm === "firecracker" ? share : shareKind({ want: share, supported: found.kernel.shares });
    return ok(`${kind}, ${how}`);
  } catch (error) {
    return fail(asNkError(error).message, want === "auto" ? mendVirtiofsd() : "--vm-share=auto");
  }
}

function blockInForce(kernel: KernelImage, blockFs: Context["settings"]["blockFs"], how: string): Finding {
  const wanted = diskFormatsOf(kernel).filter((format) => blockFs === "auto" || blockFs === format);
  const usable = wanted.filter((format) => toolObstacle(format) === undefined);
  if (usable.length > 0) return ok(`block, ${how}: images of ${usable.join(" or ")}`);
  const reasons = wanted.map(toolObstacle).join("; ") || `the guest's kernel cannot mount ${blockFs} disks`;
  return fail(`no disk image can be made and mounted: ${reasons}`, "apt-get install e2fsprogs erofs-utils");
}

/** Only a server that would be used is a reason to fail. */
async function virtiofs({ share, vmm }: Context): Promise<Finding> {
  if ((await vmm()) === "firecracker") return ok("not used: Firecracker has no device for it");
  const server = findVirtiofsd();
  if (server === null)
    return warn("no virtiofsd: 9p is used where the guest's kernel has it, else a disk", mendVirtiofsd());
  const { code, output } = await runProgram(server.path, ["--version"]);
  if (code !== 0) {
    const found = `${server.path} does not run: ${firstLine(output)}`;
    return lacking(!(await share()).startsWith("9p"))(found, mendRefusal(output) ?? mendVirtiofsd());
  }
  const language = server.flavour === "c" ? "C" : "Rust";
  return ok(`virtiofsd ${versionIn(output)}, the one in ${language} (${server.path})`);
}

/** A server that is there and lacks a right: another package would not give it. */
function mendRefusal(output: string): string | undefined {
  if (process.getuid?.() !== 0 && FORBIDDEN.test(output)) return "run it with sudo";
  if (READ_ONLY.test(output)) return "mount -o remount,rw the file system of the path that it names";
  return FORBIDDEN.test(output) ? "let root write the path that it names: ls -ld, mount, dmesg" : undefined;
}

const READ_ONLY = /read-only file system/i;
const FORBIDDEN = /permission denied|not permitted/i;

function mendVirtiofsd(): string {
  const install = `apt-get install ${virtiofsdPackage()}`;
  const named = process.env["NK_VIRTIOFSD"];
  return named === undefined ? install : `NK_VIRTIOFSD names ${named}: correct or unset it, or ${install}`;
}

async function nineP({ vmm }: Context): Promise<Finding> {
  if ((await vmm()) === "firecracker")
    return ok("not used: Firecracker has no device for it, 9p-vsock takes its place");
  const path = qemuPath();
  if (path === undefined) return warn("cannot be told without QEMU, which serves it", mendQemu());
  const { output } = await runProgram(path, ["-device", "help"]);
  if (output.includes('"virtio-9p-device"')) return ok("QEMU serves it");
  return warn("this QEMU has no virtio-9p-device", "apt-get install qemu-system-x86, or use virtiofs");
}

/** Only a server that was asked for is missed; a guest of Firecracker needs no /dev/vhost-vsock. */
async function ninePVsock({ share, vmm, needsFolders }: Context): Promise<Finding> {
  const path = findDiod();
  const isInForce = (await share()) === "9p-vsock";
  const isFirecracker = (await vmm()) === "firecracker";
  if (path === null) {
    const lost = isFirecracker
      ? ": bind mounts, --vm-sync and --vm-share=9p cannot be had on Firecracker"
      : "";
    return lacking(isInForce || (isFirecracker && needsFolders))(
      `no diod, which serves it${lost}`,
      MEND_DIOD,
    );
  }
  const found = await describeDiod(path);
  if (isFirecracker) return ok(`${found}, over Firecracker's own vsock`);
  if (existsSync(VHOST_VSOCK)) return ok(`${found}, and ${VHOST_VSOCK} for QEMU`);
  const lack = `${found}; QEMU cannot use it: no ${VHOST_VSOCK}`;
  return isInForce ? fail(lack, "modprobe vhost_vsock") : ok(lack);
}

const MEND_DIOD = "apt-get install diod";

/** It does not say its version; Debian's packages do. */
async function describeDiod(path: string): Promise<string> {
  const { code, output } = await runProgram("dpkg-query", ["-W", "-f", "${Version}", "diod"]);
  return code === 0 ? `diod ${firstLine(output)} (${path})` : `diod (${path})`;
}

async function diskImages(): Promise<Finding> {
  const tools = ["mkfs.ext4", "mkfs.erofs"] as const;
  const said = await Promise.all(tools.map((tool) => runProgram(tool, ["-V"])));
  const missing = tools.filter((_, index) => said[index]?.code === undefined);
  if (missing.length === 0) {
    return ok(tools.map((tool, index) => `${tool} ${versionIn(said[index]?.output ?? "")}`).join(", "));
  }
  const packages = missing.map((tool) => (tool === "mkfs.ext4" ? "e2fsprogs" : "erofs-utils"));
  return warn(`no ${missing.join(", no ")}`, `apt-get install ${packages.join(" ")}`);
}

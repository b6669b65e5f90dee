import { asNkError } from "../base/errors.ts";
import { diskFormatsOf } from "../image/disk-format.ts";
import { toolObstacle } from "../image/disk-tools.ts";
import type { KernelImage } from "../image/kernel.ts";
import { shareWord } from "../launch/wish.ts";
import { findDiod } from "../share/diod.ts";
import { CHOOSE_SHARE } from "../share/share.ts";
import { findVirtiofsd } from "../share/virtiofs.ts";
import { fail, lacking, notChecked, ok, warn, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import type { Context } from "./context.ts";
import { virtiofsdPackage } from "./distribution.ts";
import { firstLine, runProgram, versionIn } from "../host/run-program.ts";
import { isRoot } from "../host/user-namespace.ts";

/** How files get into a VM. */
export const SHARE_CHECKS: readonly Check[] = [
  { group: "shares", name: "share in force", modes: ["vm"], run: inForce },
  { group: "shares", name: "virtiofs", modes: ["vm"], run: virtiofs },
  { group: "shares", name: "9p-vsock", modes: [], run: ninePVsock },
  { group: "shares", name: "disk images", modes: [], run: diskImages },
];

async function inForce({ settled, image, settings }: Context): Promise<Finding> {
  const found = await image().catch(() => undefined);
  if (found === undefined) return notChecked("guest image");
  const { share: want, blockFs } = settings;
  const how = want === "auto" ? "chosen by auto" : "as asked for";
  try {
    const { shape } = await settled();
    if (shape.root === "disk") return blockInForce(found.kernel, blockFs, how);
    return ok(`${shareWord(shape)}, ${how}`);
  } catch (error) {
    const { message, phase } = asNkError(error);
    if (phase !== CHOOSE_SHARE) return notChecked("VMM in force");
    return fail(message, want === "auto" ? mendVirtiofsd() : "--vm-share=auto");
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
async function virtiofs({ driver, settings }: Context): Promise<Finding> {
  const { title, shares } = await driver();
  if (!shares.includes("virtiofs")) return ok(`not used: ${title} has no device for it`);
  const server = findVirtiofsd();
  if (server === null)
    return warn("no virtiofsd: 9p is used where the guest's kernel has it, else a disk", mendVirtiofsd());
  const kind = `the one in ${server.flavour === "c" ? "C" : "Rust"} (${server.path})`;
  // It gives up its groups before it says anything, which only root may do.
  if (!isRoot()) return ok(`virtiofsd, ${kind}`);
  const { code, output } = await runProgram(server.path, ["--version"]);
  if (code !== 0) {
    const found = `${server.path} does not run: ${firstLine(output)}`;
    return lacking(!settings.share.startsWith("9p"))(found, mendRefusal(output) ?? mendVirtiofsd());
  }
  return ok(`virtiofsd ${versionIn(output)}, ${kind}`);
}

/** A server that is there and lacks a right: another package would not give it. */
function mendRefusal(output: string): string | undefined {
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

/** Only a server that was asked for is missed. */
async function ninePVsock({ driver, settled, settings, needsVolumes }: Context): Promise<Finding> {
  const vmm = await driver();
  const { title, shares } = vmm;
  const path = findDiod();
  const isInForce = await isVsock({ settled, settings });
  if (path !== null) return (await vmm.doctor()).vsock(await describeDiod(path), isInForce);
  // It has nothing else.
  const isAll = shares.every((kind) => kind === "9p-vsock");
  const lost = isAll ? `: bind mounts, --vm-sync and --vm-share=9p cannot be had on ${title}` : "";
  return lacking(isInForce || (isAll && needsVolumes))(`no diod, which serves it${lost}`, MEND_DIOD);
}

async function isVsock({ settled, settings }: Pick<Context, "settled" | "settings">): Promise<boolean> {
  return settled().then(
    ({ shape }) => shape.volumes === "9p-vsock",
    () => settings.share === "9p-vsock",
  );
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

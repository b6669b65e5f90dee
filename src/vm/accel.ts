import { closeSync, openSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { runFolder } from "../host/folders.ts";
import { keepFile } from "../host/kept-file.ts";

/** How the guest's code will be run, and why so, for people. */
export interface Accel {
  accel: "kvm" | "tcg";
  reason: string;
  /** The words of what failed, for whoever looks into it. */
  detail?: string | undefined;
}

/** What trying KVM once has shown. */
export interface KvmVerdict {
  usable: boolean;
  reason: string;
  detail?: string | undefined;
  /** Nothing was proved: the trial took too long, or had a kernel that is not for everybody. Asked again after a while. */
  unproven?: boolean;
}

export interface VerdictOptions {
  /** Which VMM the verdict is about: changes when its file does. */
  vmmIdentity: string;
  cacheDir?: string | undefined;
  /** Name of that VMM, for the file that its verdict is kept in. */
  vmmName: string;
  /** Runs a tiny guest under KVM; called only when no verdict is remembered. */
  tryKvm: () => Promise<KvmVerdict>;
}

export interface AccelOptions extends VerdictOptions {
  want: "auto" | "kvm" | "tcg";
}

const KVM_DEVICE = "/dev/kvm";

export const DEFAULT_CACHE_DIR = join(runFolder(), ".accel");

/** A trial that timed out may have met a busy host, and a kernel is quickly replaced. */
const UNPROVEN_VALID_MS = 3_600_000;

const MEND =
  "use --vm-accel=auto or tcg (software emulation), or a host with working hardware virtualisation";

/**
 * Decides between hardware virtualisation and software emulation. That /dev/kvm opens proves nothing: there are hosts where it
 * does and no guest runs. So a guest is run once, and the verdict is remembered per boot of the host, kernel and VMM.
 * @throws UNSUPPORTED when KVM is demanded and unusable.
 */
export async function decideAccel(options: AccelOptions): Promise<Accel> {
  if (options.want === "tcg") return { accel: "tcg", reason: "software emulation was asked for" };
  const verdict = await kvmVerdict(options);
  if (verdict.usable) return { accel: "kvm", reason: verdict.reason };
  if (options.want === "auto")
    return {
      accel: "tcg",
      reason: `software emulation, because ${verdict.reason}`,
      detail: verdict.detail,
    };
  throw new NkError("UNSUPPORTED", `KVM was asked for and cannot be used: ${verdict.reason}: ${MEND}`, {
    phase: "choose the accelerator",
    ...(verdict.detail !== undefined && { see: "nk-runtime doctor --format=json has what QEMU said" }),
  });
}

/** Whether guests of this VMM run under KVM on this host: remembered, or tried. */
export async function kvmVerdict(options: VerdictOptions): Promise<KvmVerdict> {
  const closed = closedKvm();
  if (closed !== undefined) return { usable: false, reason: closed };
  const cacheDir = options.cacheDir ?? DEFAULT_CACHE_DIR;
  const key = cacheKey(options.vmmIdentity);
  const path = join(cacheDir, `kvm-${options.vmmName}.json`);
  const remembered = readVerdict(path, key);
  if (remembered !== undefined) return remembered;
  const verdict = await options.tryKvm();
  keepFile(path, JSON.stringify({ key, atMs: Date.now(), ...verdict }));
  return verdict;
}

/** Why KVM's device cannot be opened, for people; undefined when it can, which proves little. */
export function closedKvm(path = KVM_DEVICE): string | undefined {
  try {
    closeSync(openSync(path, "r+"));
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT") return `${path} does not exist`;
    return code === "EACCES"
      ? `${path} may not be opened by this user`
      : `${path} cannot be opened (${code})`;
  }
}

function cacheKey(vmmIdentity: string): string {
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${release()} ${vmmIdentity}`;
}

function readVerdict(path: string, key: string): KvmVerdict | undefined {
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as Partial<
      KvmVerdict & { key: string; atMs: number }
    >;
    if (file.key !== key || typeof file.usable !== "boolean" || typeof file.reason !== "string")
      return undefined;
    if (file.unproven === true && Date.now() - (file.atMs ?? 0) > UNPROVEN_VALID_MS) return undefined;
    const detail = typeof file.detail === "string" ? file.detail : undefined;
    return { usable: file.usable, reason: file.reason, detail };
  } catch {
    return undefined;
  }
}

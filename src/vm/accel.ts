import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";

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
  /** Nothing was proved, the trial took too long: asked again after a while. */
  timedOut?: boolean;
}

export interface AccelOptions {
  want: "auto" | "kvm" | "tcg";
  /** Which VMM the verdict is about: changes when its file does. */
  vmmIdentity: string;
  cacheDir?: string | undefined;
  /** Runs a tiny guest under KVM; called only when no verdict is remembered. */
  tryKvm: () => Promise<KvmVerdict>;
  /** For tests. */
  kvmDevice?: string;
}

export const DEFAULT_CACHE_DIR = "/run/nano-sandbox/.accel";

/** A trial that timed out may have met a busy host. */
const TIMEOUT_VALID_MS = 3_600_000;

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

async function kvmVerdict(options: AccelOptions): Promise<KvmVerdict> {
  const closed = whyDeviceIsClosed(options.kvmDevice ?? "/dev/kvm");
  if (closed !== undefined) return { usable: false, reason: closed };
  const cacheDir = options.cacheDir ?? DEFAULT_CACHE_DIR;
  const key = cacheKey(options.vmmIdentity);
  const remembered = readVerdict(cacheDir, key);
  if (remembered !== undefined) return remembered;
  const verdict = await options.tryKvm();
  writeVerdict(cacheDir, key, verdict);
  return verdict;
}

function whyDeviceIsClosed(path: string): string | undefined {
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

function cachePath(cacheDir: string): string {
  return join(cacheDir, "kvm.json");
}

function readVerdict(cacheDir: string, key: string): KvmVerdict | undefined {
  try {
    const file = JSON.parse(readFileSync(cachePath(cacheDir), "utf8")) as Partial<
      KvmVerdict & { key: string; atMs: number }
    >;
    if (file.key !== key || typeof file.usable !== "boolean" || typeof file.reason !== "string")
      return undefined;
    if (file.timedOut === true && Date.now() - (file.atMs ?? 0) > TIMEOUT_VALID_MS) return undefined;
    const detail = typeof file.detail === "string" ? file.detail : undefined;
    return { usable: file.usable, reason: file.reason, detail };
  } catch {
    return undefined;
  }
}

function writeVerdict(cacheDir: string, key: string, verdict: KvmVerdict): void {
  const path = cachePath(cacheDir);
  try {
    mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.${process.pid}`, JSON.stringify({ key, atMs: Date.now(), ...verdict }), {
      mode: 0o600,
    });
    renameSync(`${path}.${process.pid}`, path);
  } catch {
    // A verdict that cannot be kept is found again by the next VM: slow, not wrong.
  }
}

import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { findProgram, isProgram } from "../../host/programs.ts";
import { asNkError, NkError } from "../../base/errors.ts";

/** A QEMU of this host, told apart from another one by its size and time. */
export interface QemuBinary {
  path: string;
  /** Changes when the file does. */
  identity: string;
}

const NAME = "qemu-system-x86_64";

/** Where distributions put it: most, by hand, RHEL and its kin. */
const PLACES = [`/usr/bin/${NAME}`, `/usr/local/bin/${NAME}`, "/usr/libexec/qemu-kvm"];

/** First with a microvm that takes ACPI, shared memory as the machine's backend, and reasons in SHUTDOWN events. */
export const MIN_VERSION = "5.2";

/**
 * Looks in PATH, then in the usual places. Its version is not asked for here (that costs a start of QEMU, 25 ms): it is in
 * the QMP greeting, see `checkVersion`.
 * @throws UNSUPPORTED when there is none.
 */
export function findQemu(env: NodeJS.ProcessEnv = process.env): QemuBinary {
  const override = env["NK_QEMU"];
  const path =
    override === undefined
      ? (findProgram(NAME, env["PATH"] ?? "") ?? PLACES.find(isProgram))
      : [override].find(isProgram);
  if (path !== undefined) {
    const { size, mtimeMs } = statSync(path);
    return { path, identity: `${path}:${size}:${mtimeMs}` };
  }
  if (override !== undefined) {
    const problem = `mode vm needs ${NAME}, and NK_QEMU names ${override}, which is no program`;
    throw new NkError("UNSUPPORTED", `${problem}: name another, or unset it`, { phase: "find the VMM" });
  }
  throw new NkError(
    "UNSUPPORTED",
    `mode vm needs ${NAME}, and none was found in PATH or in ${PLACES.join(", ")}: install it (Debian: qemu-system-x86)`,
    { phase: "find the VMM" },
  );
}

/** @throws UNSUPPORTED for a QEMU that is too old. `version` is "major.minor.micro". */
export function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minMajor = 0, minMinor = 0] = MIN_VERSION.split(".").map(Number);
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new NkError(
    "UNSUPPORTED",
    `QEMU ${version} is too old: ${MIN_VERSION} or later is needed: install one, or name it with NK_QEMU`,
    {
      phase: "check the VMM's version",
    },
  );
}

const VERSION_TIMEOUT_MS = 2000;

/**
 * Asked when a QEMU has ended before its greeting, where the version would have been: one that is too old does not know our options.
 * @returns UNSUPPORTED when the program is too old or no QEMU at all, undefined when it is neither.
 */
export async function whyUnusable(path: string): Promise<NkError | undefined> {
  const text = await versionText(path);
  const version = /^QEMU emulator version (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1];
  if (version === undefined) {
    const found = JSON.stringify(text.slice(0, 80));
    const problem = `${path} is no QEMU: expected "QEMU emulator version …" from --version, found ${found}`;
    return new NkError("UNSUPPORTED", `${problem}: name another with NK_QEMU`, { phase: "find the VMM" });
  }
  try {
    checkVersion(version);
    return undefined;
  } catch (error) {
    return asNkError(error);
  }
}

function versionText(path: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(path, ["--version"], { timeout: VERSION_TIMEOUT_MS, killSignal: "SIGKILL" }, (_, stdout) =>
      resolve(stdout.trim()),
    );
  });
}

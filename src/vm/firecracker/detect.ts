import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { findProgram, isProgram } from "../../host/programs.ts";
import { isOfHost, usersThere } from "../../host/user-namespace.ts";
import type { JailerWish } from "../driver.ts";

/** A Firecracker of this host, told apart from another one by its size and time. */
export interface FirecrackerBinary {
  /** Absolute, without symbolic links: the jailer takes no others. */
  path: string;
  /** Changes when the file does. */
  identity: string;
}

/** Where people put it who follow its own guide. */
const FOLDERS = ["/usr/local/bin", "/usr/bin", "/opt/firecracker/bin"];

const PHASE = "find the VMM";

/**
 * The program, from NK_FIRECRACKER, PATH or the usual places; undefined when there is none. Its version is not asked for here: that costs a start of
 * it, and the API tells it.
 * @throws UNSUPPORTED when NK_FIRECRACKER names something else
 */
export function findFirecracker(env: NodeJS.ProcessEnv = process.env): FirecrackerBinary | undefined {
  const found = named(env, "NK_FIRECRACKER") ?? findProgram("firecracker", env["PATH"] ?? "", FOLDERS);
  if (found === undefined) return undefined;
  const path = realpathSync(found);
  return { path, identity: fileIdentity(path) };
}

/** Changes when the file at `path` does. */
export function fileIdentity(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${path}:${size}:${mtimeMs}`;
}

/** Its jailer: from NK_JAILER, beside the program (both come in one archive), or as the program is found. */
export function findJailer(
  firecracker: FirecrackerBinary,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const beside = join(dirname(firecracker.path), "jailer");
  return (
    named(env, "NK_JAILER") ??
    (isProgram(beside) ? beside : findProgram("jailer", env["PATH"] ?? "", FOLDERS))
  );
}

/**
 * The jailer that Firecracker will be started by; undefined: it runs without a jail.
 * @throws UNSUPPORTED when a jail is demanded and cannot be had
 */
export function wantedJailer(firecracker: FirecrackerBinary, want: JailerWish = "auto"): string | undefined {
  if (want === "off") return undefined;
  const jailer = findJailer(firecracker);
  const obstacle = jailObstacle(jailer);
  if (obstacle === undefined) return jailer;
  if (want === "auto") return undefined;
  throw new NkError("UNSUPPORTED", `--vm-jailer=on: ${obstacle}: use --vm-jailer=auto or off`, {
    phase: "choose the jail",
  });
}

function jailObstacle(jailer: string | undefined): string | undefined {
  if (!isOfHost(usersThere())) return "Firecracker's jailer needs root of the host";
  if (jailer !== undefined) return undefined;
  return "no jailer was found beside Firecracker or in PATH (it comes in the same archive; NK_JAILER names another)";
}

export function notFound(): NkError {
  return new NkError(
    "UNSUPPORTED",
    `Firecracker was asked for, and no firecracker was found in PATH or in ${FOLDERS.join(", ")}: ` +
      "install it (docs/firecracker.md), name it with NK_FIRECRACKER, or use --vm-vmm=qemu",
    { phase: PHASE },
  );
}

function named(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const path = env[variable];
  if (path === undefined || path === "") return undefined;
  if (isProgram(path)) return path;
  const problem = `${variable} names ${path}, which is no program`;
  throw new NkError("UNSUPPORTED", `${problem}: name another, or unset it`, { phase: PHASE });
}

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { runFolder } from "../../host/folders.ts";
import { NkError } from "../../base/errors.ts";
import { keepFile } from "../../host/kept-file.ts";
import { shadowPath } from "../../host/paths.ts";
import { traced } from "../../trace/channels.ts";

/** Whether frames that tc redirects into a tap come out of it on this host, and what was seen, for people. */
export interface MirrorVerdict {
  works: boolean;
  reason: string;
}

const KEPT = join(runFolder(), ".network/mirror.json");
/** The helper waits a second for the frame. */
const TIMEOUT_MS = 20_000;

/** Remembered, or tried: it is a matter of the host's kernel, so once a boot. @throws NETWORK where it cannot be tried */
export async function mirrorVerdict(path = KEPT): Promise<MirrorVerdict> {
  const key = `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${release()}`;
  const remembered = readVerdict(path, key);
  if (remembered !== undefined) return remembered;
  const why = "some kernels drop frames that are redirected into a tap, without a word";
  const what = `${shadowPath()} probe-mirror`;
  const verdict = await traced("network", "try to redirect a frame into a tap", { why, what }, probe);
  keepFile(path, JSON.stringify({ key, ...verdict }));
  return verdict;
}

function probe(): Promise<MirrorVerdict> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, killSignal: "SIGKILL" } as const;
    execFile(shadowPath(), ["probe-mirror"], options, (error, stdout, stderr) => {
      const said = stdout.trim();
      if (error === null)
        resolve({ works: true, reason: "frames that are redirected into a tap come out of it" });
      else if (error.code === 1 && said !== "") resolve({ works: false, reason: reasonOf(said) });
      else
        reject(
          new NkError(
            "NETWORK",
            `cannot try to redirect a frame into a tap: ${stderr.trim() || error.message}`,
          ),
        );
    });
  });
}

function reasonOf(said: string): string {
  return said === "drops"
    ? "this host's kernel drops frames that are redirected into a tap"
    : `this host's kernel cannot do that (${said.replace(/^refuses: /, "")})`;
}

function readVerdict(path: string, key: string): MirrorVerdict | undefined {
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as Partial<MirrorVerdict & { key: string }>;
    if (file.key !== key || typeof file.works !== "boolean" || typeof file.reason !== "string")
      return undefined;
    return { works: file.works, reason: file.reason };
  } catch {
    return undefined;
  }
}

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { NkError } from "../base/errors.ts";
import { shadowPath } from "./paths.ts";

const TIMEOUT_MS = 5000;

/** Takes what is mounted on a folder of a shadow's tree off again. @throws HOST with the helper's reason */
export async function detachTree(shadowPid: number, folder: string): Promise<void> {
  try {
    await promisify(execFile)(shadowPath(), ["detach", String(shadowPid), folder], { timeout: TIMEOUT_MS });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new NkError("HOST", `cannot unmount ${folder} in the shadow's tree: ${stderr?.trim() ?? ""}`, {
      cause,
    });
  }
}

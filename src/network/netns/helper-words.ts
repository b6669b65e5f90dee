import { NkError } from "../../base/errors.ts";
import { describeExit } from "../../host/daemon.ts";
import type { DaemonProcess } from "../../host/daemon-process.ts";

/** It makes interfaces or sockets. */
const TIMEOUT_MS = 10_000;

/**
 * What a helper of ours says first on standard output. That stays open: the helper ends when nobody reads.
 * @param name for messages
 * @throws NETWORK with its own words when it ends before
 */
export async function firstWords(helper: DaemonProcess, name: string): Promise<string> {
  const { stdout, stderr, exited } = helper;
  let words = "";
  stderr?.setEncoding("utf8").on("data", (text: string) => (words = (words + text).slice(-1024)));
  const timer = setTimeout(() => helper.kill("SIGKILL"), TIMEOUT_MS);
  const said = new Promise<string>((resolve) =>
    stdout?.once("data", (bytes: Buffer) => resolve(bytes.toString())),
  );
  const first = await Promise.race([said, exited]);
  clearTimeout(timer);
  if (typeof first === "string") return first;
  throw new NkError("NETWORK", words.trim() || `${name} ${describeExit(first)}`);
}

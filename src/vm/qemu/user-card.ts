import { NkError } from "../../base/errors.ts";
import { keptAnswer } from "../../host/kept-answer.ts";
import { findProgram } from "../../host/programs.ts";
import type { CardShape } from "../shape.ts";
import { findQemu } from "./detect.ts";

const PASST_FOLDERS = ["/usr/bin", "/usr/local/bin", "/bin"];
/**
 * An option of passt since August 2024. Those of 2023 send data again and again to a guest that has said that it sends no more, and have no answers of UDP
 * for clients at the host's loopback address; which version it is, a package need not say.
 */
const FIT_PASST = "--map-host-loopback";

/**
 * What serves a card that changes nothing on the host: passt, where one that will do is installed and QEMU can be connected to it (7.2 and later), else
 * QEMU itself. @param qemu path of its program
 * @throws UNSUPPORTED where neither is there
 */
export async function userCard(qemu: string): Promise<CardShape> {
  const [passt, netdevs] = await Promise.all([findPasst(), keptAnswer(qemu, ["-netdev", "help"])]);
  const has = (netdev: "stream" | "user"): boolean => new RegExp(`^\\s*${netdev}\\s*$`, "m").test(netdevs);
  if (passt !== undefined && has("stream")) return { backend: "passt", program: passt };
  if (has("user")) return { backend: "slirp" };
  const lack =
    passt === undefined
      ? "no passt of August 2024 or later is installed"
      : "this QEMU cannot be connected to passt";
  throw new NkError(
    "UNSUPPORTED",
    `--vm-net=user needs passt, or a QEMU with a network of its own: ${lack}, and ${qemu} was built without libslirp: ` +
      "install passt, and QEMU 7.2 or later",
    { phase: "choose the network" },
  );
}

/** `VmDriver.hasUserCard` */
export async function hasUserCard(): Promise<boolean> {
  try {
    await userCard(findQemu().path);
    return true;
  } catch {
    return false;
  }
}

/** One that will do. */
export async function findPasst(): Promise<string | undefined> {
  const path = findProgram("passt", process.env["PATH"] ?? "", PASST_FOLDERS);
  if (path === undefined) return undefined;
  return (await keptAnswer(path, ["--help"])).includes(FIT_PASST) ? path : undefined;
}

import { randomBytes } from "../../base/random.ts";
import type { BoundedLog } from "../../host/bounded-log.ts";
import type { StartedDaemons } from "../../host/started-daemon.ts";
import { ninePShare } from "../../share/nine-p.ts";
import { NinePVsockShare } from "../../share/nine-p-vsock.ts";
import type { HostFolder, Share } from "../../share/share.ts";
import { VIRTIOFSD, virtiofsdAt, VirtiofsShare } from "../../share/virtiofs.ts";
import type { SettledShape } from "../shape.ts";

/** CIDs below are reserved (vsock(7)); QEMU takes 32 bits, of which all ones stand for "any". */
const MIN_CID = 3;
const END_CID = 0xffffffff;

function randomCid(): number {
  return MIN_CID + (randomBytes(4).readUInt32LE() % (END_CID - MIN_CID));
}

/** The share of a VM; undefined: its shape has none. */
export function openShare(
  { volumes, server, isUnlocked = false }: SettledShape,
  folder: HostFolder,
  stateDir: string,
  log: BoundedLog,
  started?: StartedDaemons,
): Share | undefined {
  if (volumes === undefined) return undefined;
  if (server === undefined) return ninePShare(folder);
  if (volumes === "virtiofs")
    return new VirtiofsShare(virtiofsdAt(server), folder, {
      stateDir,
      log,
      isUnlocked,
      started: started?.take(VIRTIOFSD),
    });
  const cid = randomCid(); // unique on the host; QEMU says so if it is not
  return new NinePVsockShare(server, folder, log, { kind: "vsock", cid });
}

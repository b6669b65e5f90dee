import { join } from "node:path";
import { plannedDaemon } from "../../host/planned-daemon.ts";
import { sandboxUserBeforehand } from "../../host/sandbox-user.ts";
import type { PlannedDaemon } from "../../host/shadow-plan.ts";
import { ninePShare } from "../../share/nine-p.ts";
import { VIRTIOFS_SOCKET, virtiofsCommand, virtiofsdAt } from "../../share/virtiofs.ts";
import type { Transport } from "../../share/share.ts";
import type { EarlySpec } from "../driver.ts";
import { vmmCommand } from "./command.ts";
import { devicesOf } from "./program-root.ts";
import { shareDevice } from "./share-device.ts";

const FOLDER = { shadowPid: "holder" } as const;

/** `VmDriver.daemons` */
export async function daemons(spec: EarlySpec): Promise<PlannedDaemon[]> {
  const { root, volumes, server, isUnlocked } = spec.shape;
  // The disks are in the making; a server of 9p says its port first; who looks into a VM with a debugger sees it start.
  if (root === "disk" || volumes === "9p-vsock" || isUnlocked === true) return [];
  const socket = join(spec.stateDir, VIRTIOFS_SOCKET);
  const transport: Transport | undefined =
    volumes === "virtiofs" ? { kind: "virtio-fs", socket } : volumes && ninePShare(FOLDER).transport;
  const [share, vmm] = await Promise.all([
    volumes === "virtiofs" && server !== undefined
      ? virtiofsCommand(virtiofsdAt(server), FOLDER, socket, false)
      : undefined,
    vmmCommand(
      spec,
      transport && shareDevice(transport),
      [],
      sandboxUserBeforehand(devicesOf(spec.shape.accel)),
    ),
  ]);
  return [...(share ? [plannedDaemon(share)] : []), plannedDaemon(vmm)];
}

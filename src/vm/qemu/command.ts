import type { Confinement, ConfinedSocket, UserOfMonitor } from "../../host/confinement.ts";
import type { DaemonCommand } from "../../host/daemon-process.ts";
import type { Disk } from "../../image/root-disks.ts";
import { hostTscKhz } from "../host-tsc.ts";
import { kernelCmdline } from "../kernel-cmdline.ts";
import type { VmSpec } from "../virtual-machine.ts";
import { AGENT_FD, agentSocketPath, diskPath, PEOPLE_FD, qemuArgv, qmpSocketPath } from "./argv.ts";
import { CARD_FD, cardSocketPath, confinedTap, resolvConf } from "./card.ts";
import { QEMU_PARAMETERS } from "./parameters.ts";
import { programRoot } from "./program-root.ts";
import { SHARE_FD, type ShareDevice } from "./share-device.ts";

/** Of the VMM among the daemons of a sandbox. */
export const QEMU = "QEMU";

type Spec = Pick<VmSpec, "id" | "stateDir" | "shape" | "extraCmdline">;

/** How a VM's QEMU is started; it has QMP and the console as channels. @throws as `programRoot` */
export async function vmmCommand(
  spec: Spec,
  device: ShareDevice | undefined,
  disks: readonly Disk[],
  user: number | UserOfMonitor,
): Promise<DaemonCommand & { confinement: Confinement }> {
  const { program, accel } = spec.shape;
  const root = await programRoot(program, accel);
  const confinement = confine(spec, device, root, disks, user);
  return { name: QEMU, argv: vmmArgv(spec, device, disks), channels: 2, confinement };
}

export function vmmArgv(
  { shape, id, extraCmdline }: Spec,
  share: ShareDevice | undefined,
  disks: readonly Disk[],
): [string, ...string[]] {
  const { accel, debug } = shape;
  const tscKhz = accel === "tcg" ? hostTscKhz() : undefined;
  return qemuArgv({
    qemu: shape.program,
    accel,
    vcpus: shape.vcpus,
    memSizeMib: shape.memSizeMib,
    kernel: shape.kernel.path,
    initrd: shape.initrd,
    cmdline: kernelCmdline({ own: QEMU_PARAMETERS, accel, tscKhz, debug, extra: extraCmdline }),
    knownTsc: tscKhz !== undefined,
    isUnlocked: shape.isUnlocked ?? false,
    vm: { id: id.slice(0, 64), share, disks, card: shape.card, debug },
  });
}

/** What of the host QEMU has: what it is made of, the guest's own files and nothing else. */
function confine(
  { stateDir, shape }: Spec,
  device: ShareDevice | undefined,
  root: Confinement,
  disks: readonly Disk[],
  user: number | UserOfMonitor,
): Confinement {
  const { kernel, initrd, debug, card } = shape;
  const { shadowPid, devices = [], socket } = device ?? {};
  const sockets: ConfinedSocket[] = [{ kind: "listen", fd: AGENT_FD, path: agentSocketPath(stateDir) }];
  if (debug) sockets.push({ kind: "listen", fd: PEOPLE_FD, path: qmpSocketPath(stateDir) });
  if (socket !== undefined) sockets.push({ kind: "connect", fd: SHARE_FD, path: socket });
  if (card?.backend === "passt")
    sockets.push({ kind: "listen", fd: CARD_FD, path: cardSocketPath(stateDir) });
  const isOnHost = card?.backend === "slirp";
  return {
    libraries: root.libraries,
    files: [...(root.files ?? []), kernel.path, initrd],
    devices: [...(root.devices ?? []), ...devices],
    binds: [
      ...disks.map(({ file, readOnly }, index) => ({ source: file, name: diskPath(index), readOnly })),
      ...(isOnHost ? resolvConf() : []),
    ],
    sockets,
    tap: card?.backend === "tap" ? confinedTap(card) : undefined,
    hasHostNetwork: isOnHost,
    isUnlocked: shape.isUnlocked ?? false,
    // Who serves files acts for their owners, and so stays root.
    ...(shadowPid === undefined ? { user } : { shadowPid }),
  };
}

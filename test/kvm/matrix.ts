import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findDiod } from "../../src/share/diod.ts";
import { parseVersion, pauseBreaksVsock } from "../../src/vm/firecracker/api/versions.ts";
import { findFirecracker, findJailer } from "../../src/vm/firecracker/detect.ts";

/** What is tested: each VMM with each share that it can have. Rows of `describe.each`; the checks are those of test/vm. */

/** KVM, that of this machine or of the lab (docs/kvm-lab.md). Software emulation serves to write tests: it is faster than the lab. */
const ACCEL = process.env["NK_TEST_ACCEL"] === "tcg" ? "tcg" : "kvm";

/** Flags of a share, and what the guest then says of the container's root. */
interface Share {
  /** As people call it. */
  share: string;
  /** What the runtime notes. */
  kind: "virtiofs" | "9p" | "9p-vsock" | "block";
  flags: string[];
  /** Type of the root's file system in the guest. */
  rootType: string;
  /** The host sees at once what the container writes to its root. */
  live: boolean;
}

export interface Vmm {
  /** As people call it. */
  name: string;
  /** What the runtime notes. */
  vmm: "qemu" | "firecracker";
  accel: "kvm" | "tcg";
  flags: string[];
  /** A VM that is paused as a whole goes on; else vm-pause refuses. */
  pauses: boolean;
  /** The first is that of the checks which need no other. */
  shares: Share[];
}

export interface Row extends Vmm, Share {}

const VIRTIOFS: Share = {
  share: "virtiofs",
  kind: "virtiofs",
  flags: ["--vm-share=virtiofs"],
  rootType: "virtiofs",
  live: true,
};
const NINE_P: Share = { share: "9p", kind: "9p", flags: ["--vm-share=9p"], rootType: "9p", live: true };
const NINE_P_VSOCK: Share = {
  share: "9p over vsock",
  kind: "9p-vsock",
  flags: ["--vm-share=9p-vsock"],
  rootType: "9p",
  live: true,
};
const EXT4: Share = {
  share: "block, ext4",
  kind: "block",
  flags: ["--vm-share=block", "--vm-block-fs=ext4"],
  rootType: "ext4",
  live: false,
};
const EROFS: Share = {
  share: "block, erofs",
  kind: "block",
  flags: ["--vm-share=block", "--vm-block-fs=erofs"],
  rootType: "overlay",
  live: false,
};

/** It needs the kernel's vhost-vsock on QEMU, and diod on both. */
const vsockShares = findDiod() === null ? [] : [NINE_P_VSOCK];

const QEMU: Vmm = {
  name: "QEMU",
  vmm: "qemu",
  accel: ACCEL,
  flags: ["--vm-vmm=qemu", `--vm-accel=${ACCEL}`],
  pauses: true,
  shares: [VIRTIOFS, NINE_P, ...(existsSync("/dev/vhost-vsock") ? vsockShares : []), EXT4, EROFS],
};

function firecracker(name: string, jailer: "on" | "off", pauses: boolean): Vmm {
  return {
    name,
    vmm: "firecracker",
    accel: "kvm",
    flags: ["--vm-vmm=firecracker", `--vm-jailer=${jailer}`],
    pauses,
    shares: [EXT4, EROFS, ...vsockShares],
  };
}

/** Firecracker where it is installed or NK_FIRECRACKER names it, and a second time in its jail where its jailer is. */
function firecrackers(): Vmm[] {
  const binary = findFirecracker();
  if (ACCEL !== "kvm" || binary === undefined) return [];
  const said = execFileSync(binary.path, ["--version"], { encoding: "utf8" });
  const pauses = !pauseBreaksVsock(parseVersion(/v\S+/.exec(said)?.[0] ?? said));
  const jailed = firecracker("Firecracker in its jail", "on", pauses);
  return [firecracker("Firecracker", "off", pauses), ...(findJailer(binary) === undefined ? [] : [jailed])];
}

const vmms = [QEMU, ...firecrackers()];

export const VMMS: [title: string, Vmm][] = vmms.map((vmm) => [vmm.name, vmm]);

export const ROWS: [title: string, Row][] = vmms.flatMap((vmm) =>
  vmm.shares.map((share): [string, Row] => [
    `${vmm.name}, ${share.share}`,
    { ...vmm, ...share, flags: [...vmm.flags, ...share.flags] },
  ]),
);

/** The flags of checks that are about the VMM, not about a share. */
export function flagsOf({ flags, shares }: Vmm): string[] {
  return [...flags, ...(shares[0]?.flags ?? [])];
}

import type { AgentClient, GuestMountRequest, MountProof } from "../../agent/agent-client.ts";
import { complain } from "../../base/logger.ts";
import { joinedRoot, joinedShare, SHARED_PROOF, SHARED_ROOTFS } from "../../oci/guest-mounts.ts";
import type { Guest } from "../microvm/guest.ts";
import { rootMounts } from "../microvm/root-mounts.ts";

/** Where the container's files are in the guest, below /run/nk. */
export interface GuestPlace {
  /** Where its tree is. */
  share: string;
  /** Where its root is. */
  root: string;
  /** That the tree is the container's; absent where the guest has no tree, but disks alone. */
  proof?: MountProof;
  /** What is mounted as the root, in order. */
  rootMounts: readonly [GuestMountRequest, ...GuestMountRequest[]];
}

/** Where a container's tree is on both sides: a folder of the sandbox's tree, and what that is in the guest. */
export interface JoinedPlace {
  folder: string;
  share: string;
  root: string;
}

export function joinedPlace(folder: string): JoinedPlace {
  return { folder, share: joinedShare(folder), root: joinedRoot(folder) };
}

/**
 * What makes the container's root in a guest that has booted: its tree, or the disks of that VM.
 * @param proof the text that the tree has
 */
export function guestPlace({ share, root }: JoinedPlace, guest: Guest, proof: string): GuestPlace {
  const hasTree = guest.vm.shareMount !== undefined;
  return {
    share,
    root,
    rootMounts: guest.root
      ? rootMounts(guest.root, root)
      : [{ target: root, fstype: "bind", source: `${share}${SHARED_ROOTFS}`, options: "" }],
    ...(hasTree && { proof: { path: `${share}${SHARED_PROOF}`, text: proof } }),
  };
}

/** Mounts it in the guest. @throws what the agent says */
export async function mountRoot(agent: AgentClient, place: GuestPlace): Promise<void> {
  const { proof } = place;
  const [first, ...others] = place.rootMounts;
  await (proof ? agent.mountProven(first, proof) : agent.mount(first));
  for (const mount of others) await agent.mount(mount);
}

/** Unmounts in the guest what it has of the container. Never rejects. */
export async function leave(agent: AgentClient, { share, root }: JoinedPlace): Promise<void> {
  for (const path of [root, share]) {
    await agent.unmount(path).catch(complain);
  }
}

import type { AgentClient } from "../../agent/agent-client.ts";
import { complain } from "../../base/logger.ts";
import { joinedRoot, joinedShare, SHARED_PROOF, SHARED_ROOTFS } from "../../oci/guest-mounts.ts";
import type { Guest } from "../microvm/guest.ts";
import { rootMounts } from "../microvm/root-mounts.ts";
import type { GuestPlace } from "./container.ts";

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
    root,
    rootMounts: guest.root
      ? rootMounts(guest.root, root)
      : [{ target: root, fstype: "bind", source: `${share}${SHARED_ROOTFS}`, options: "" }],
    ...(hasTree && { proof: { path: `${share}${SHARED_PROOF}`, text: proof } }),
  };
}

/** Unmounts in the guest what it has of the container. Never rejects. */
export async function leave(agent: AgentClient, { share, root }: JoinedPlace): Promise<void> {
  for (const path of [root, share]) {
    await agent.unmount(path).catch(complain);
  }
}

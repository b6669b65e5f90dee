/**
 * This number and the pid of a VM's monitor are the user (and group) of what runs for that VM, so that no two VMs that run have one user. Between the
 * ranges of containers and the end of what tools with signed numbers know (systemd, UIDS-GIDS.md).
 */
const FIRST_UID = 2_000_000_000;

/** The user of what this process starts for its VM. */
export function sandboxUser(): number {
  return FIRST_UID + process.pid;
}

import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

export interface SnapshotCreation {
  /** "Diff", in developer preview: only the memory that has changed since the one before. */
  snapshot_type?: "Full" | "Diff";
  /** For the state of devices and CPUs; some 10 KiB. */
  snapshot_path: string;
  /** For the memory; as large as the VM's, sparse with "Diff". */
  mem_file_path: string;
}

export interface SnapshotLoad {
  snapshot_path: string;
  mem_backend: {
    /** "File" is mapped privately and must stay unchanged while the VM lives; with "Uffd" a process of ours gives the pages. */
    backend_type: "File" | "Uffd";
    /** The memory file, or the socket of that process. */
    backend_path: string;
  };
  /** Instead of a request to resume. */
  resume_vm?: boolean;
  /** Not kept in a snapshot. */
  track_dirty_pages?: boolean;
  /** Other tap devices than those in the snapshot. */
  network_overrides?: { iface_id: string; host_dev_name: string }[];
  /** Another vsock socket than the one in the snapshot. From 1.16 on. */
  vsock_override?: { uds_path: string };
  /** The guest's kvm-clock goes on with the host's time; host kernel from 5.16 on, Firecracker from 1.16 on. */
  clock_realtime?: boolean;
}

/** PUT /snapshot/create, of a paused VM. Nothing else is answered meanwhile. */
export function createSnapshot(
  api: FirecrackerApi,
  creation: SnapshotCreation,
  deadline: Deadline,
): Promise<void> {
  return api.put("/snapshot/create", creation, "the paused VM is written to files", deadline);
}

/**
 * PUT /snapshot/load, into a Firecracker where nothing of a boot was configured; log, metrics and console may have been. After a failure Firecracker
 * ends with 1.
 */
export function loadSnapshot(api: FirecrackerApi, load: SnapshotLoad, deadline: Deadline): Promise<void> {
  return api.put("/snapshot/load", load, "a VM that was written to files goes on", deadline);
}

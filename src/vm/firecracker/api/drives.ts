import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/** A file as disk. Root first, then in the order of the requests, they are /dev/vda, /dev/vdb … */
export interface Drive {
  /** Letters, digits and _ only. */
  drive_id: string;
  /** Opened at once. Its last part below 512 bytes is not seen by the guest. */
  path_on_host: string;
  /** Adds root=/dev/vda to the command line; one drive at most. */
  is_root_device: boolean;
  is_read_only?: boolean;
  /** With "Unsafe", the default, the guest cannot have its data written to the host's disk; "Writeback" gives it a flush. */
  cache_type?: "Unsafe" | "Writeback";
  /** "Async" is io_uring, in developer preview. */
  io_engine?: "Sync" | "Async";
  rate_limiter?: RateLimiter;
}

export interface DriveChange {
  drive_id: string;
  /** Another file, or the same one when its size has changed. The guest learns of it later than the answer comes. */
  path_on_host?: string;
  rate_limiter?: RateLimiter;
}

/** PUT /drives/ID, before the start. One with the same id is replaced. */
export function putDrive(api: FirecrackerApi, drive: Drive, deadline: Deadline): Promise<void> {
  return api.put(
    `/drives/${drive.drive_id}`,
    drive,
    "a file of the host becomes a disk of the guest",
    deadline,
  );
}

/** PATCH /drives/ID, while the VM runs, and the guest does not use the disk. */
export function patchDrive(api: FirecrackerApi, change: DriveChange, deadline: Deadline): Promise<void> {
  return api.patch(`/drives/${change.drive_id}`, change, "the disk gets another file or limit", deadline);
}

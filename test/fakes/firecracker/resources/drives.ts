import { closeSync, openSync } from "node:fs";
import { Fault } from "../http/fault.ts";
import { osError } from "../os-error.ts";
import { bool, oneOf, optional, otherwise, path, required, struct, text } from "../serde/decode.ts";
import { rateLimiter, shown, updated } from "./rate-limiter.ts";

export const driveConfig = struct("BlockDeviceConfig", {
  drive_id: required(text),
  partuuid: optional(text),
  is_root_device: required(bool),
  cache_type: otherwise(oneOf(["Unsafe", "Writeback"]), "Unsafe"),
  is_read_only: optional(bool),
  path_on_host: optional(path),
  rate_limiter: optional(rateLimiter),
  io_engine: optional(oneOf(["Sync", "Async"])),
  socket: optional(path),
});
export type DriveConfig = ReturnType<typeof driveConfig>;

export const driveUpdate = struct("BlockDeviceUpdateConfig", {
  drive_id: required(text),
  path_on_host: optional(path),
  rate_limiter: optional(rateLimiter),
});
export type DriveUpdate = ReturnType<typeof driveUpdate>;

export interface Drive {
  config: DriveConfig;
  path: string;
  readOnly: boolean;
  fd: number;
}

/** The block devices, each with its file open; the root device is the first. */
export class Drives {
  private list: Drive[] = [];

  all(): readonly Drive[] {
    return this.list;
  }

  /** Adds a drive, or replaces the one of that id. @throws Fault */
  insert(config: DriveConfig): void {
    const index = this.list.findIndex(({ config: { drive_id: id } }) => id === config.drive_id);
    const hasRoot = this.list[0]?.config.is_root_device === true;
    if (config.is_root_device && hasRoot && index !== 0)
      throw new Fault("Drive config error: A root block device already exists!");
    const drive = openDrive(config);
    const old = this.list[index];
    if (old !== undefined) closeSync(old.fd);
    const others = this.list.filter((other) => other !== old);
    const at = config.is_root_device ? 0 : old === undefined ? others.length : index;
    this.list = [...others.slice(0, at), drive, ...others.slice(at)];
  }

  /** Gives a running VM's drive another file or limiter; returns the drive. @throws Fault */
  update(update: DriveUpdate): Drive {
    const drive = this.list.find(({ config: { drive_id: id } }) => id === update.drive_id);
    if (drive === undefined) throw patchFault("Failed perform action on device: Device not found");
    const { path_on_host: newPath, rate_limiter: limiter } = update;
    if (newPath === null && limiter === null)
      throw patchFault("Block: Running method expected different backend.");
    if (newPath !== null) {
      const fd = openBacking(newPath, drive.readOnly, (why) => patchFault(`Block: ${why}`));
      closeSync(drive.fd);
      Object.assign(drive, { fd, path: newPath });
    }
    if (limiter !== null) drive.config.rate_limiter = updated(drive.config.rate_limiter, limiter);
    return drive;
  }

  /** As GET /vm/config shows them. */
  configs(): object[] {
    return this.list.map(({ config, path: file, readOnly }) => ({
      drive_id: config.drive_id,
      partuuid: config.partuuid,
      is_root_device: config.is_root_device,
      cache_type: config.cache_type,
      is_read_only: readOnly,
      path_on_host: file,
      rate_limiter: shown(config.rate_limiter),
      io_engine: config.io_engine ?? "Sync",
      socket: null,
    }));
  }
}

function patchFault(why: string): Fault {
  return new Fault(
    `Drive config error: Unable to patch the block device: ${why} Please verify the request arguments.`,
  );
}

function createFault(why: string): Fault {
  return new Fault(`Drive config error: Unable to create the virtio block device: ${why}`);
}

function openDrive(config: DriveConfig): Drive {
  const { path_on_host: file, socket, is_read_only: readOnly } = config;
  if (file === null || socket !== null) throw createFault("Invalid block config.");
  return {
    config,
    path: file,
    readOnly: readOnly === true,
    fd: openBacking(file, readOnly === true, createFault),
  };
}

function openBacking(file: string, readOnly: boolean, fault: (why: string) => Fault): number {
  try {
    return openSync(file, readOnly ? "r" : "r+");
  } catch (error) {
    throw fault(`Virtio backend error: Error manipulating the backing file: ${osError(error)} ${file}`);
  }
}

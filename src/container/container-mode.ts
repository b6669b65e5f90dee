import type { ErrorJson } from "../base/errors.ts";
import type { CreateRequest, Stdio } from "../launch/create-request.ts";
import type { ResourceChange } from "../oci/resource-change.ts";
import type { ContainerRecord } from "../state/record.ts";

/**
 * The seam between commands and the two ways to run a container: host-mode.ts and vm-mode.ts. A command looks the record up, asks
 * the lifecycle table (lifecycle.ts) whether the operation is allowed, and calls the mode of that record.
 *
 * `create` is called with the id claimed. When it throws, it has released everything it acquired and the
 * caller removes the claim. On success the record is stored with status "created" and the pid file is written, as the last step.
 */
export interface ContainerMode {
  create(request: CreateRequest): Promise<void>;
  /** create, start and, unless `detach`, wait. */
  run(request: RunRequest): Promise<RunEnd>;
  start(container: ContainerRecord): Promise<void>;
  /** The exit status of the process, or 0 at once with `detach`. */
  exec(container: ContainerRecord, request: ExecRequest): Promise<number>;
  kill(container: ContainerRecord, signal: number, all: boolean): Promise<void>;
  /** Removes the container and everything it holds; with `force` in any state, also of a container whose parts were killed. */
  delete(container: ContainerRecord, force: boolean): Promise<void>;
  pause(container: ContainerRecord): Promise<void>;
  resume(container: ContainerRecord): Promise<void>;
  update(container: ContainerRecord, request: UpdateRequest): Promise<void>;
  /** Its processes on the host. Callers look them up there. */
  pids(container: ContainerRecord): Promise<number[]>;
  /** For people. @param options for ps(1) */
  ps(container: ContainerRecord, options: readonly string[]): Promise<ProcessList>;
  /** Prints them, and returns the exit status. */
  events(container: ContainerRecord, request: EventsRequest): Promise<number>;
  /** The record with `status` and `pid` as they are now (stored ones can be stale after a crash). */
  refresh(container: ContainerRecord): Promise<ContainerRecord>;
}

export interface RunRequest extends CreateRequest {
  detach: boolean;
  /** Keep the stopped container (runc's --keep). */
  keep: boolean;
}

export interface RunEnd {
  /** Of the process, or 128 and the number of its signal; 0 with `detach`. */
  status: number;
  /** Why the container ended, when it was not by itself. */
  lost?: ErrorJson;
}

export interface ExecRequest extends Stdio {
  /** A process object of config.json (runtime-spec config.md#process). */
  process: Record<string, unknown>;
  terminal: boolean;
  detach: boolean;
  pidFile: string | undefined;
  ignorePaused: boolean;
  /** Below the container's, as `[controller:]path`. */
  cgroups: readonly string[];
}

export interface EventsRequest {
  /** One line of statistics, now. */
  once: boolean;
  intervalMs: number;
}

export interface UpdateRequest {
  change: ResourceChange;
  /** Options for Intel RDT, as they are to be handed on. */
  rdt: readonly string[];
}

/** Of a guest, or as the host's ps(1) has it. */
export type ProcessList = { rows: ProcessRow[] } | { lines: string[] };

export interface ProcessRow {
  pid: number;
  ppid: number;
  uid: number;
  command: string;
  args: string;
  state: string;
}

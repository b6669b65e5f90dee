import type { ErrorJson } from "../base/errors.ts";

/** What a runtime says about a container (runtime-spec runtime.md#state), with runc's additions. */
export interface OciState {
  ociVersion: string;
  id: string;
  /** 0 when there is no process. */
  pid: number;
  status: string;
  bundle: string;
  rootfs: string;
  created: string;
  annotations?: Record<string, string>;
  owner: string;
  /** Ours: how the container is run. */
  mode: string;
  /** Ours: how it ended, where we know; 128 + n for a signal. */
  exitStatus?: number;
  /** Ours: the memory limit killed a process of the container. */
  oomKilled?: boolean;
  /** Ours: what came of `--vm-sync`. */
  copiedBack?: unknown;
  /** Ours: why it stopped, when it was not by itself. */
  error?: ErrorJson;
}

/** The members of a container record (state/record.ts) that the state is made of. */
export type StateSource = Omit<OciState, "annotations"> & { annotations: Record<string, string> };

/** The state in runc's order of members. */
export function ociState(source: StateSource): OciState {
  const { ociVersion, id, status, bundle, rootfs, created, annotations, owner, mode } = source;
  const pid = status === "stopped" ? 0 : source.pid;
  const notes = Object.keys(annotations).length > 0 ? { annotations } : {};
  const end = status === "stopped" && {
    ...(source.exitStatus !== undefined && { exitStatus: source.exitStatus }),
    ...(source.oomKilled !== undefined && { oomKilled: source.oomKilled }),
    ...(source.copiedBack !== undefined && { copiedBack: source.copiedBack }),
    ...(source.error !== undefined && { error: source.error }),
  };
  return { ociVersion, id, pid, status, bundle, rootfs, created, ...notes, owner, mode, ...end };
}

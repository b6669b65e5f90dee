import type { CgroupManager } from "../host/cgroup-manager.ts";
import type { NetworkSpec } from "../network/network.ts";
import type { Bundle } from "../oci/bundle.ts";
import type { Settings } from "../oci/settings.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import type { Settled } from "../vm/driver.ts";
import type { RunningSandbox } from "./join.ts";

/** What the caller wants with descriptors that are not the process's standard streams. */
export interface Stdio {
  /** Path of the socket that takes the pty master (--console-socket). */
  consoleSocket: string | undefined;
  /** Descriptors beyond 2 that the process keeps (--preserve-fds). */
  preserveFds: number;
}

/** A container to be made, in either mode: checked, with its id claimed. */
export interface CreateRequest extends Stdio {
  id: string;
  /** As it is stored by the claim. */
  record: ContainerRecord;
  /** The sandbox that takes the container: of `--vm`, or of its pod; undefined: one of its own. */
  inside: RunningSandbox | undefined;
  bundle: Bundle;
  settings: Settings;
  /** The VM that it will have of its own; undefined in container mode, and in a sandbox that runs. */
  settled: Settled | undefined;
  /** What the VM of its own is connected to; undefined as `settled` is. */
  network: NetworkSpec | undefined;
  store: StateStore;
  /** Descriptors that the process gets as its standard streams; undefined: ours. */
  stdio: readonly [number, number, number] | undefined;
  /** Aborted by a signal: until the container is created, its mode then gives it up and throws the reason. */
  givenUp: AbortSignal;
  pidFile: string | undefined;
  noPivot: boolean;
  noNewKeyring: boolean;
  cgroupManager: CgroupManager;
}

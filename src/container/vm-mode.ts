import { join } from "node:path";
import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";
import { printableLine } from "../base/printable.ts";
import type { GuestProcess } from "../agent/agent-client.ts";
import type { ControlClient } from "../contract/control-client.ts";
import { monitorGone } from "../contract/monitor-gone.ts";
import { foreignDeath } from "../host/process-info.ts";
import { homeDir } from "../state/home.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { traced, warnings } from "../trace/channels.ts";
import type { ContainerMode, ProcessRow } from "./container-mode.ts";
import { checkAllowed } from "./lifecycle.ts";
import { refreshVm, refreshVmSettled } from "./refresh.ts";
import { execInVm } from "./vm-exec.ts";
import { launch } from "../launch/launch.ts";
import { narrateRest } from "./vm-narrate.ts";
import { hostPids } from "./vm-pids.ts";
import { changeForVm } from "./vm-update.ts";
import { removeContainer } from "./vm-remove.ts";

/** A container in its own VM: each operation is a request to the VM's monitor (src/sandbox). */
export function vmMode(store: StateStore): ContainerMode {
  return {
    async create(request) {
      await launch(request, { wait: false, startAtOnce: false });
    },

    async run(request) {
      const launched = await launch(request, { wait: !request.detach, startAtOnce: true });
      if (request.detach) return { status: 0 };
      const status = await launched.shadow.exitStatus();
      if (request.inside === undefined) await monitorGone(socketOf(store, request.id));
      narrateRest(join(homeDir(store.dirOf(request.id)), "trace.jsonl"), launched.stepsHeard);
      const ended = refreshVm(await recorded(store, request.id));
      warnOfCopy(ended);
      if (!request.keep) await removeContainer(store, ended);
      return { status, ...(ended.error && { lost: ended.error }) };
    },

    async start(container) {
      await ask(store, container, "start");
    },

    exec: (container, request) =>
      execInVm(container, store.dirOf(container.id), controlSocket(store, container), request),

    async kill(container, signal, all) {
      try {
        await ask(store, container, "kill", { signal, all });
      } catch (error) {
        // It may have ended meanwhile, and its monitor with it.
        const now = await refreshVmSettled(store, store.read(container.id));
        if (all && now.status === "stopped") return;
        checkAllowed("kill", now);
        throw error;
      }
    },

    async delete(container, force) {
      await end(store, container, force);
      warnOfCopy(container);
      await removeContainer(store, container);
    },

    async pause(container) {
      if (container.status === "created") {
        const mend = `start it first with "nk-runtime start ${container.id}"`;
        throw new NkError(
          "BAD_STATE",
          `cannot pause a container in a VM before its start: ${container.id}: ${mend}`,
        );
      }
      await ask(store, container, "pause");
    },

    async resume(container) {
      await ask(store, container, "resume");
    },

    async update(container, request) {
      await ask(store, container, "update", { change: changeForVm(container, request) });
    },

    async pids({ status, pid }) {
      return status === "stopped" ? [] : hostPids(pid);
    },

    async ps(container, options) {
      refuseOptions(container.id, options);
      if (container.status === "stopped") return { rows: [] };
      const rows = await withClient(store, container, (client) =>
        client.request("GET", `/containers/${container.id}/ps`),
      );
      return { rows: (rows as GuestProcess[]).map(toRow) };
    },

    async events(container, request) {
      const { printEvents } = await import("./vm-events.ts");
      return printEvents(store, container, request, () =>
        withClient(store, container, (client) => client.request("GET", `/containers/${container.id}/stats`)),
      );
    },

    refresh: (container) => refreshVmSettled(store, container),
  };
}

/** The record of a container that has ended, as its monitor wrote it. One that was killed wrote nothing, and is missed when it is dead. */
async function recorded(store: StateStore, id: string): Promise<ContainerRecord> {
  const record = store.read(id);
  const { status, vm } = record;
  if (status !== "stopped" && vm && vm.sandbox === undefined)
    await foreignDeath(vm.monitorPid, vm.monitorStartTime, DEATH_TIMEOUT_MS);
  return record;
}

/** Says what `--vm-sync` could not copy back: the exit status does not. */
function warnOfCopy({ id, rootfs, copiedBack }: ContainerRecord): void {
  if (copiedBack === undefined) return;
  const { error, failed, problems } = copiedBack;
  const start = `--vm-sync: not all that container ${id} changed is in ${rootfs}`;
  if (error !== undefined) warnings.publish(`${start}: ${printableLine(error)}`);
  else if (failed > 0) warnings.publish(`${start}: ${failed} failed: ${problems.join("; ")}`);
}

/** Longer than the monitor's own deadlines for the guest, so that its errors arrive, which know more. */
const ANSWER_TIMEOUT_MS = 90_000;
/** Longer than the monitor's for a forced end; one that does not keep it is killed. */
const FORCED_END_TIMEOUT_MS = 10_000;

/** Longer than its monitor's for the last output of a shadow, which is killed then. */
const SHADOW_END_MS = 5_000;
/** A killed process closes its sockets some milliseconds before it is gone. */
const DEATH_TIMEOUT_MS = 5_000;

const END_WHY = "the guest writes back what it holds, then the VM is switched off";
const ASK_WHY = "it owns the VM: everything that is done to the container goes through it";

/** The host's ps(1) sees no process of a guest. */
function refuseOptions(id: string, options: readonly string[]): void {
  if (options.length === 0) return;
  const words = options.join(" ");
  throw new NkError(
    "UNSUPPORTED",
    `ps takes no options of ps after the ID of a container in a VM, found ${words}: use "nk-runtime exec ${id} ps ${words}"`,
  );
}

function toRow({ pid, ppid, uid, comm, args, state }: GuestProcess): ProcessRow {
  return { pid, ppid, uid, command: comm, args, state };
}

function socketOf(store: StateStore, id: string): string {
  return join(homeDir(store.dirOf(id)), "control.sock");
}

/** Of the container's own monitor, or of that of the VM it is in. */
function controlSocket(store: StateStore, { id, vm }: ContainerRecord): string {
  return socketOf(store, vm?.sandbox ?? id);
}

async function withClient<T>(
  store: StateStore,
  container: ContainerRecord,
  work: (client: ControlClient) => Promise<T>,
): Promise<T> {
  // node:http takes 4 ms to load, and the quickest commands do without it.
  const { ControlClient } = await import("../contract/control-client.ts");
  const client = new ControlClient(controlSocket(store, container));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

function ask(
  store: StateStore,
  container: ContainerRecord,
  operation: string,
  body: unknown = {},
): Promise<unknown> {
  const path = `/containers/${container.id}/${operation}`;
  const what = `POST ${path} ${formatExact(body)} on ${controlSocket(store, container)}`;
  const deadline = Deadline.after(ANSWER_TIMEOUT_MS);
  return traced("cli", "ask the monitor", { why: ASK_WHY, what }, () =>
    deadline
      .race(
        withClient(store, container, (client) => client.request("POST", path, body)),
        `the monitor's answer to ${path}`,
      )
      .catch((error: unknown) => {
        throw withWayOut(asNkError(error), container.id);
      }),
  );
}

/** A guest that does not answer can still be removed. */
function withWayOut(error: NkError, id: string): NkError {
  if (error.code !== "TIMEOUT") return error;
  const see = `nk-runtime delete --force ${id} ends a VM that hangs`;
  return new NkError(error.code, error.message, { ...error.toJson(), see });
}

/** Ends whatever of the container still runs. With `force` also what does not answer. */
async function end(store: StateStore, container: ContainerRecord, force: boolean): Promise<void> {
  const deadline = Deadline.after(force ? FORCED_END_TIMEOUT_MS : ANSWER_TIMEOUT_MS);
  const ended = withClient(store, container, async (client) => {
    const isOwn = container.vm?.sandbox === undefined;
    // Its own VM may boot yet, and know nothing of the container.
    const path = force && isOwn ? "/stop" : `/containers/${container.id}/end`;
    await traced("cli", "end container and VM", { why: END_WHY, what: `POST ${path}` }, () =>
      client.request("POST", path, { force }),
    );
    if (isOwn) await client.gone();
    else await foreignDeath(container.pid, container.pidStartTime, SHADOW_END_MS);
  });
  try {
    await deadline.race(ended, `the end of container ${container.id}`);
  } catch (error) {
    // No monitor listens: it has ended, or was killed and left what `removeContainer` finds.
    if (!force && !(error instanceof NkError && error.code === "NOT_FOUND")) throw error;
  }
}

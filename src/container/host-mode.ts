import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { isAlive, processStartTime } from "../host/process-info.ts";
import { writePidFile } from "../state/pid-file.ts";
import type { ContainerRecord, HostRecord, Status } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import type { ContainerMode, CreateRequest, ExecRequest, RunRequest } from "./container-mode.ts";
import { chooseHostRuntime, isCrun } from "./host-runtime.ts";
import { runInForeground, runQuietly } from "./host-command.ts";
import type { HostCommand } from "./host-command.ts";
import { readProcessRow } from "./process-rows.ts";
import { newRecord } from "./new-record.ts";

/** A container on the host's kernel: runc or crun does the work, we keep the record. */
export function hostMode(store: StateStore): ContainerMode {
  return {
    create: (request) => createContainer(store, request),
    run: (request) => (request.detach ? runDetached(store, request) : runAndWait(store, request)),
    exec: (container, request) => execInContainer(store, container, request),
    refresh: (container) => refreshed(store, container),
    delete: (container, force) => deleteContainer(store, container, force),

    async start(container) {
      await runQuietly(
        command(store, container, ["start", container.id], "lets the container's process go on"),
      );
      store.write({ ...container, status: "running" });
    },

    async kill(container, signal, all) {
      const options = all ? ["--all"] : [];
      await runQuietly(
        command(store, container, ["kill", ...options, container.id, String(signal)], "sends the signal"),
      );
    },

    async pause(container) {
      await runQuietly(command(store, container, ["pause", container.id], "freezes the container's cgroup"));
      store.write({ ...container, status: "paused" });
    },

    async resume(container) {
      await runQuietly(command(store, container, ["resume", container.id], "thaws the container's cgroup"));
      store.write({ ...container, status: "running" });
    },

    async ps(container) {
      const args = ["ps", "--format", "json", container.id];
      const pids = JSON.parse(
        await runQuietly(command(store, container, args, "lists the cgroup's processes")),
      ) as number[] | null;
      return (pids ?? []).map(readProcessRow).filter((row) => row !== undefined);
    },
  };
}

const WHY_CREATE = "makes namespaces, cgroup and mounts, and a process that waits in them";

async function createContainer(store: StateStore, request: CreateRequest): Promise<void> {
  await detached(store, request, "create", [], "created");
}

async function runDetached(store: StateStore, request: RunRequest): Promise<number> {
  await detached(store, request, "run", ["--detach"], "running");
  return 0;
}

/** create, or run --detach: the runtime ends when the container is there. */
async function detached(
  store: StateStore,
  request: CreateRequest,
  verb: string,
  options: string[],
  status: Status,
): Promise<void> {
  const record = begin(store, request);
  const pidFile = join(store.dirOf(request.id), "init.pid");
  const args = [verb, ...options, ...createOptions(request, pidFile), request.id];
  await orRemove(store, record, () =>
    runInForeground(createCommand(store, record, request, args), request.preserveFds),
  );
  const pid = Number(readFileSync(pidFile, "utf8"));
  store.write({ ...record, status, pid, pidStartTime: processStartTime(pid) ?? 0 });
  if (request.pidFile !== undefined) writePidFile(request.pidFile, pid);
}

async function runAndWait(store: StateStore, request: RunRequest): Promise<number> {
  const record = begin(store, request);
  const keep = request.keep ? ["--keep"] : [];
  const args = ["run", ...keep, ...createOptions(request, request.pidFile), request.id];
  const exitStatus = await orRemove(store, record, () =>
    runInForeground(createCommand(store, record, request, args), request.preserveFds),
  );
  if (request.keep) store.write({ ...record, status: "stopped", exitStatus });
  else store.remove(request.id);
  return exitStatus;
}

/** Writes the record before anything is made, so that delete --force finds what a crash leaves. */
function begin(store: StateStore, request: CreateRequest): ContainerRecord & { host: HostRecord } {
  const host = chooseHostRuntime(request.settings.hostRuntime, store.root);
  if ("keep" in request && request.keep === true && isCrun(host.runtime)) {
    throw new NkError("UNSUPPORTED", "crun has no run --keep: leave --keep out, or use --host-runtime=runc");
  }
  const record = { ...newRecord(request), host };
  store.write(record);
  return record;
}

function createCommand(
  store: StateStore,
  record: ContainerRecord,
  request: CreateRequest,
  args: string[],
): HostCommand {
  const globals = request.systemdCgroup ? ["--systemd-cgroup"] : [];
  return { ...command(store, record, args, WHY_CREATE), globals };
}

function createOptions(request: CreateRequest, pidFile: string | undefined): string[] {
  return [
    "--bundle",
    request.bundle.path,
    ...option("--pid-file", pidFile),
    ...option("--console-socket", request.consoleSocket),
    ...(request.noPivot ? ["--no-pivot"] : []),
    ...(request.noNewKeyring ? ["--no-new-keyring"] : []),
    ...(request.preserveFds > 0 ? ["--preserve-fds", String(request.preserveFds)] : []),
  ];
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}

async function orRemove<T>(store: StateStore, record: ContainerRecord, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await runQuietly(command(store, record, ["delete", "--force", record.id], "removes what is left")).catch(
      () => {},
    );
    throw error;
  }
}

async function execInContainer(
  store: StateStore,
  container: ContainerRecord,
  request: ExecRequest,
): Promise<number> {
  const processFile = join(store.dirOf(container.id), `exec-${process.pid}.json`);
  writeFileSync(processFile, JSON.stringify({ ...request.process, terminal: request.terminal }), {
    mode: 0o600,
  });
  const args = [
    "exec",
    "--process",
    processFile,
    ...(request.terminal ? ["--tty"] : []),
    ...(request.detach ? ["--detach"] : []),
    ...option("--pid-file", request.pidFile),
    ...option("--console-socket", request.consoleSocket),
    ...(request.preserveFds > 0 ? ["--preserve-fds", String(request.preserveFds)] : []),
    ...(request.ignorePaused && container.status === "paused" ? ["--ignore-paused"] : []),
    container.id,
  ];
  try {
    const why = "starts one more process in the container's namespaces and cgroup";
    return await runInForeground(command(store, container, args, why), request.preserveFds);
  } finally {
    rmSync(processFile, { force: true });
  }
}

async function deleteContainer(store: StateStore, container: ContainerRecord, force: boolean): Promise<void> {
  const args = ["delete", ...(force ? ["--force"] : []), container.id];
  try {
    if (container.host) await runQuietly(command(store, container, args, "removes cgroup and state"));
  } catch (error) {
    const gone = error instanceof NkError && /does not exist|No such file/.test(error.message);
    if (!gone && !force) throw error;
  }
  store.remove(container.id);
}

/** Everything but an exit happens through us, so the record is right unless its process has ended. */
async function refreshed(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
  const { status, pid, pidStartTime } = container;
  if (status === "stopped") return container;
  if (status === "creating") return askRuntime(store, container);
  return isAlive(pid, pidStartTime) ? container : { ...container, status: "stopped", pid: 0 };
}

/** A `run` that waits for its container records the pid at no time: only the runtime knows it. */
async function askRuntime(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
  if (!container.host) return container;
  try {
    const why = "a run in the foreground has not recorded the status";
    const text = await runQuietly(command(store, container, ["state", container.id], why));
    const { status, pid } = JSON.parse(text) as { status: Status; pid: number };
    return { ...container, status, pid, pidStartTime: processStartTime(pid) ?? 0 };
  } catch {
    return container;
  }
}

function command(store: StateStore, container: ContainerRecord, args: string[], why: string): HostCommand {
  if (!container.host) {
    throw new NkError(
      "BAD_STATE",
      `container ${container.id} has no runtime yet: wait for its create to end, or delete --force it`,
    );
  }
  return { host: container.host, args, stateDir: store.dirOf(container.id), why };
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { processStartTime } from "../host/process-info.ts";
import { writePidFile } from "../state/pid-file.ts";
import type { ContainerRecord, HostRecord, Status } from "../state/record.ts";
import type { CreateRequest } from "../launch/create-request.ts";
import type { RunEnd, RunRequest } from "./container-mode.ts";
import { runInForeground, runQuietly } from "./host-command.ts";
import { HostCreation } from "./host-creation.ts";
import { chooseHostRuntime, isCrun } from "./host-runtime.ts";

type HostContainer = ContainerRecord & { host: HostRecord };

/** The runtime ends when the container is there; its process waits for start. */
export async function createContainer(request: CreateRequest): Promise<void> {
  await detached(request, "create", [], "created");
}

/** `run`: with `detach` like create and start; otherwise the runtime ends with the container, whose status is returned. */
export async function runContainer(request: RunRequest): Promise<RunEnd> {
  if (!request.detach) return { status: await runAndWait(request) };
  await detached(request, "run", ["--detach"], "running");
  return { status: 0 };
}

async function detached(
  request: CreateRequest,
  verb: string,
  options: string[],
  status: Status,
): Promise<void> {
  const { id, store } = request;
  const container = begin(request);
  const pidFile = join(store.dirOf(id), "init.pid");
  const args = [verb, ...options, ...createOptions(request, pidFile), id];
  const creation = new HostCreation(request.givenUp, pidFile, false);
  await orNothing(request, container, async () => {
    await runRuntime(request, container, args, creation);
    const pid = Number(readFileSync(pidFile, "utf8"));
    store.write({ ...created(container), status, pid, pidStartTime: processStartTime(pid) ?? 0 });
    // The last step: callers take the file for the container's being there.
    if (request.pidFile !== undefined) writePidFile(request.pidFile, pid);
  });
}

async function runAndWait(request: RunRequest): Promise<number> {
  const { id, store, keep } = request;
  const container = begin(request);
  if (keep && isCrun(container.host.runtime)) {
    throw new NkError("UNSUPPORTED", "crun has no run --keep: leave --keep out, or use --host-runtime=runc");
  }
  const pidFile = request.pidFile ?? join(store.dirOf(id), "init.pid");
  const args = ["run", ...(keep ? ["--keep"] : []), ...createOptions(request, pidFile), id];
  const creation = new HostCreation(request.givenUp, pidFile, true);
  const exitStatus = await orNothing(request, container, () =>
    runRuntime(request, container, args, creation),
  );
  if (keep) store.write({ ...created(container), status: "stopped", exitStatus });
  else store.remove(id);
  return exitStatus;
}

/** Writes the record before anything is made, so that delete --force finds what a crash leaves. */
function begin(request: CreateRequest): HostContainer {
  const host = chooseHostRuntime(request.settings.hostRuntime, request.store.root);
  const container = { ...request.record, host };
  request.store.write(container);
  return container;
}

/** The record of a container that its caller knows to be there. */
function created({ creator: _done, ...container }: HostContainer): HostContainer {
  return container;
}

const WHY = "makes namespaces, cgroup and mounts, and the process in them";

function runRuntime(
  request: CreateRequest,
  { host, id }: HostContainer,
  args: string[],
  creation: HostCreation,
): Promise<number> {
  const globals = request.cgroupManager === "systemd" ? ["--systemd-cgroup"] : [];
  const stateDir = request.store.dirOf(id);
  const command = { host, globals, args, stateDir, why: WHY, stdio: request.stdio };
  return runInForeground(command, request.preserveFds, creation);
}

/** Does `work`; when it fails, whatever the runtime has made goes with it. */
async function orNothing<T>(
  { store }: CreateRequest,
  { host, id }: HostContainer,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = "removes what is left";
    await runQuietly({ host, args: ["delete", "--force", id], stateDir: store.dirOf(id), why }).catch(
      () => {},
    );
    throw error;
  }
}

function createOptions(request: CreateRequest, pidFile: string): string[] {
  return [
    "--bundle",
    request.bundle.path,
    "--pid-file",
    pidFile,
    ...option("--console-socket", request.consoleSocket),
    ...(request.noPivot ? ["--no-pivot"] : []),
    ...(request.noNewKeyring ? ["--no-new-keyring"] : []),
    ...(request.preserveFds > 0 ? ["--preserve-fds", String(request.preserveFds)] : []),
  ];
}

/** An option with its value, or nothing. */
export function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}

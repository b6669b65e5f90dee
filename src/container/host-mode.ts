import { existsSync } from "node:fs";
import { join } from "node:path";
import { asNkError, NkError } from "../base/errors.ts";
import type { ContainerRecord, HostRecord, Status } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { warnings } from "../trace/channels.ts";
import type { ContainerMode } from "./container-mode.ts";
import { runInForeground, runQuietly } from "./host-command.ts";
import { createContainer, runContainer } from "./host-create.ts";
import { isCrun } from "./host-runtime.ts";
import { execOnHost } from "./host-exec.ts";
import { linesOfPs } from "./host-ps.ts";
import { updateOnHost } from "./host-update.ts";
import { refreshHost } from "./refresh.ts";

/** A container on the host's kernel: runc or crun does the work, we keep the record. */
export function hostMode(store: StateStore): ContainerMode {
  const ask = (container: ContainerRecord, args: string[], why: string): Promise<string> =>
    runQuietly({ host: hostOf(container), args, stateDir: store.dirOf(container.id), why });

  const pids = async (container: ContainerRecord): Promise<number[]> => {
    if (container.status === "stopped") return [];
    const args = ["ps", "--format", "json", container.id];
    const text = await ask(container, args, "lists the cgroup's processes");
    return (JSON.parse(text) as number[] | null) ?? [];
  };

  return {
    create: createContainer,
    run: runContainer,
    refresh: (container) => refreshHost(store, container),
    exec: (container, request) =>
      execOnHost({ ...container, host: hostOf(container) }, store.dirOf(container.id), request),

    async start(container) {
      await ask(container, ["start", container.id], "lets the container's process go on");
      store.write({ ...container, status: "running" });
    },

    async kill(container, signal, all) {
      const options = all ? ["--all"] : [];
      await ask(container, ["kill", ...options, container.id, String(signal)], "sends the signal");
    },

    async pause(container) {
      await ask(container, ["pause", container.id], "freezes the container's cgroup");
      store.write({ ...container, status: "paused" });
    },

    async resume(container) {
      await ask(container, ["resume", container.id], "thaws the container's cgroup");
      // It may have been paused before its start.
      const text = await ask(container, ["state", container.id], "tells whether it has been started");
      store.write({ ...container, status: (JSON.parse(text) as { status: Status }).status });
    },

    update: (container, request) =>
      updateOnHost({ ...container, host: hostOf(container) }, store.dirOf(container.id), request),

    pids,

    async ps(container, options) {
      return { lines: await linesOfPs(await pids(container), options) };
    },

    events(container, { once, intervalMs }) {
      const host = hostOf(container);
      if (isCrun(host.runtime))
        throw new NkError(
          "UNSUPPORTED",
          "crun has no events: use --host-runtime=runc, or read the container's cgroup",
        );
      const when = once ? ["--stats"] : ["--interval", `${intervalMs}ms`];
      const command = { host, args: ["events", ...when, container.id], stateDir: store.dirOf(container.id) };
      return runInForeground({ ...command, why: "reads the container's cgroup" }, 0);
    },

    async delete(container, force) {
      const args = ["delete", ...(force ? ["--force"] : []), container.id];
      try {
        if (container.host) await ask(container, args, "removes cgroup and state");
      } catch (error) {
        const isLeft = container.host && existsSync(join(container.host.root, container.id));
        if (isLeft && !force) throw error;
        // What it could not do after it had removed the container: run a poststop hook, say.
        if (!isGone(error)) warnings.publish(asNkError(error).message);
      }
      store.remove(container.id);
    },
  };
}

/** runc's and crun's words for a container they do not know. */
function isGone(error: unknown): boolean {
  return error instanceof NkError && /does not exist|No such file/.test(error.message);
}

function hostOf({ id, host }: ContainerRecord): HostRecord {
  if (host) return host;
  throw new NkError(
    "BAD_STATE",
    `container ${id} has no runtime yet: wait for its create to end, or delete --force it`,
  );
}

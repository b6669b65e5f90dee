import { NkError } from "../base/errors.ts";
import type { ContainerRecord, Status } from "../state/record.ts";

/** Operations whose being allowed depends on the status. */
export type Operation = "start" | "exec" | "kill" | "delete" | "pause" | "resume" | "update" | "events";

type Rule = "allowed" | ((id: string) => string);

const NOT_RUNNING: Rule = (id) => `container not running: ${id}`;
const NOT_PAUSED: Rule = (id) => `container not paused: ${id}`;
const BEING_CREATED: Rule = (id) =>
  `container is being created: ${id}: wait for its create to end, or delete --force it`;
const ALREADY_STARTED: Rule = (id) => `cannot start an already running container: ${id}`;
const notStopped =
  (status: Status): Rule =>
  (id) =>
    `cannot delete container ${id} that is not stopped: ${status}: stop it first (nk-runtime stop ${id}), or use --force`;

/**
 * What may be done in which status (runtime-spec runtime.md, "Operations"). The words are runc's, because callers search
 * them ("container not running"); what follows the second colon is the way out.
 */
const TABLE: Record<Operation, Record<Status, Rule>> = {
  start: {
    creating: BEING_CREATED,
    created: "allowed",
    running: ALREADY_STARTED,
    paused: (id) => `cannot start a container in the paused state: ${id}: resume it first`,
    stopped: (id) => `cannot start a container that has stopped: ${id}: delete it and create it anew`,
  },
  exec: {
    creating: BEING_CREATED,
    created: "allowed",
    running: "allowed",
    paused: () => "cannot exec in a paused container (use --ignore-paused to override)",
    stopped: (id) => `cannot exec in a stopped container: ${id}`,
  },
  kill: {
    creating: BEING_CREATED,
    created: "allowed",
    running: "allowed",
    paused: "allowed",
    stopped: NOT_RUNNING,
  },
  delete: {
    creating: BEING_CREATED,
    created: "allowed",
    running: notStopped("running"),
    paused: notStopped("paused"),
    stopped: "allowed",
  },
  pause: {
    creating: BEING_CREATED,
    created: "allowed",
    running: "allowed",
    paused: (id) => `container not running: ${id}: it is paused already`,
    stopped: NOT_RUNNING,
  },
  resume: {
    creating: NOT_PAUSED,
    created: NOT_PAUSED,
    running: NOT_PAUSED,
    paused: "allowed",
    stopped: NOT_PAUSED,
  },
  update: {
    creating: BEING_CREATED,
    created: "allowed",
    running: "allowed",
    paused: "allowed",
    stopped: NOT_RUNNING,
  },
  events: {
    creating: BEING_CREATED,
    created: "allowed",
    running: "allowed",
    paused: "allowed",
    stopped: (id) => `container with id ${id} is not running`,
  },
};

/** @throws BAD_STATE with runc's words when `operation` is not allowed in the status of the container. */
export function checkAllowed(operation: Operation, container: ContainerRecord): void {
  const { id, status, error } = container;
  const rule = TABLE[operation][status];
  if (rule === "allowed" || (operation === "delete" && isEndedByDelete(container))) return;
  const cause = status === "stopped" && error !== undefined ? ` (${error.message})` : "";
  throw new NkError("BAD_STATE", `${rule(id)}${cause}`);
}

/** Its creator said so (docs/decisions/0006-delete-ends-the-vm.md), or its process has ended already and it is about to stop. */
function isEndedByDelete({ status, endOnDelete, exitStatus }: ContainerRecord): boolean {
  return status !== "creating" && (endOnDelete === true || exitStatus !== undefined);
}

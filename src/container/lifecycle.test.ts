import { describe, expect, it } from "vitest";
import type { ContainerRecord, Status } from "../state/record.ts";
import { checkAllowed } from "./lifecycle.ts";
import type { Operation } from "./lifecycle.ts";

const STATUSES: Status[] = ["creating", "created", "running", "paused", "stopped"];

/** The statuses in which each operation is allowed. */
const ALLOWED: Record<Operation, Status[]> = {
  start: ["created"],
  exec: ["created", "running"],
  kill: ["created", "running", "paused"],
  delete: ["created", "stopped"],
  pause: ["created", "running"],
  resume: ["paused"],
  update: ["created", "running", "paused"],
  events: ["created", "running", "paused"],
};

function attempt(operation: Operation, status: Status): string {
  try {
    checkAllowed(operation, { id: "c1", status } as ContainerRecord);
    return "allowed";
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each(Object.keys(ALLOWED) as Operation[])("%s", (operation) => {
  it.each(STATUSES)("in status %s", (status) => {
    expect(attempt(operation, status) === "allowed").toBe(ALLOWED[operation].includes(status));
  });
});

it.each<[Operation, Status, string]>([
  ["start", "running", "cannot start an already running container"],
  ["start", "paused", "cannot start a container in the paused state"],
  ["start", "stopped", "cannot start a container that has stopped"],
  ["delete", "running", "cannot delete container c1 that is not stopped: running"],
  ["kill", "stopped", "container not running"],
  ["pause", "paused", "container not running"],
  ["resume", "running", "container not paused"],
  ["exec", "stopped", "cannot exec in a stopped container"],
  ["exec", "paused", "cannot exec in a paused container (use --ignore-paused to override)"],
])("uses the words of runc that callers search: %s when %s", (operation, status, words) => {
  expect(attempt(operation, status)).toContain(words);
});

it.each<[Partial<ContainerRecord>, Status, boolean]>([
  [{ endOnDelete: true }, "running", true],
  [{ endOnDelete: true }, "paused", true],
  [{ endOnDelete: true }, "creating", false],
  [{ exitStatus: 0 }, "running", true],
])(
  "lets a delete end what its creator said, and what is ending: %j when %s",
  (members, status, isAllowed) => {
    const check = (): void =>
      checkAllowed("delete", { id: "c1", status, mode: "vm", ...members } as ContainerRecord);
    if (isAllowed) expect(check).not.toThrow();
    else expect(check).toThrow("is being created");
  },
);

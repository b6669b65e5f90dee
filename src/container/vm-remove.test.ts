import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ContainerRecord } from "../state/record.ts";
import { StateStore } from "../state/store.ts";
import { warnings } from "../trace/channels.ts";
import { removeContainer } from "./vm-remove.ts";

let root: string;
const warn = vi.fn();
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nk-remove-"));
  warnings.subscribe(warn);
});
afterEach(() => {
  warnings.unsubscribe(warn);
  warn.mockClear();
  rmSync(root, { recursive: true });
});

/** A container that has ended, as far as removing it goes. */
const ended = { id: "box", pid: 0, pidStartTime: 0, status: "stopped" } as ContainerRecord;

it("warns when the hooks of a container cannot be read", async () => {
  mkdirSync(join(root, "box"));
  await removeContainer(new StateStore(root), ended);
  expect(warn).toHaveBeenCalledOnce();
  expect(String(warn.mock.lastCall?.[0])).toMatch(/^no poststop hook of container box was run: cannot read/);
});

it("says nothing of one that another command has removed meanwhile", async () => {
  await removeContainer(new StateStore(root), ended);
  expect(warn).not.toHaveBeenCalled();
});

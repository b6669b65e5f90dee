import { expect } from "vitest";
import type { BundleOptions } from "../fixtures/make-bundle.ts";
import { residue } from "./residue.ts";
import type { Runtime } from "./runtime.ts";
import { processesOf, within } from "./victims.ts";

/** How long the monitor may take to notice and to release everything; the truth is there earlier. */
const END_TIMEOUT_MS = 20_000;

/** In the guest's own pid namespace, and allowed everything: what it breaks is the guest. */
export const PRIVILEGED: BundleOptions = {
  capabilities: ["CAP_SYS_BOOT", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"],
  linux: {
    namespaces: ["mount", "ipc", "uts", "network"].map((type) => ({ type })),
    maskedPaths: [],
    readonlyPaths: [],
  },
};

/** Overwrites the code of the guest's first process, the agent, while it sleeps. */
const BREAK_AGENT = [
  "range=$(grep -m1 r-xp /proc/1/maps | cut -d' ' -f1)",
  "start=$((0x${range%-*} / 4096))",
  "end=$((0x${range#*-} / 4096))",
  "dd if=/dev/zero of=/proc/1/mem bs=4096 seek=$start count=$((end - start)) conv=notrunc",
].join("\n");

/** A script in the guest that ends it, and the error that is noted. */
export type GuestEnd = [name: string, script: string, message: RegExp];

export const CRASH: GuestEnd = ["a crash of its kernel", "echo c >/proc/sysrq-trigger", /panic/i];
export const AGENT_CRASH: GuestEnd = ["a crash of its agent", BREAK_AGENT, /panic/i];
export const REBOOT: GuestEnd = ["a reboot", "echo b >/proc/sysrq-trigger", /restarted itself/];
export const POWER_OFF: GuestEnd = [
  "a power-off",
  "echo o >/proc/sysrq-trigger; sleep 100",
  /switched itself off/,
];
export const FORCED_REBOOT: GuestEnd = ["reboot -f", "reboot -f", /restarted itself/];

/** The container is stopped, says why, and leaves nothing. */
export async function isNoticed(runtime: Runtime, [, script, message]: GuestEnd): Promise<void> {
  const id = await runtime.background(PRIVILEGED);
  expect((await runtime.call(["exec", id, "sh", "-c", script])).code).not.toBe(0);
  await endsWith(runtime, id, message);
}

/** What is to be seen of a container whose VM was lost. */
export async function endsWith(runtime: Runtime, id: string, message: RegExp): Promise<void> {
  await within(END_TIMEOUT_MS, () => processesOf(runtime.root).length === 0 || undefined);
  const { status, exitStatus, error } = JSON.parse(await runtime.ok(["state", id])) as State;
  expect({ status, exitStatus, code: error?.code }).toEqual({
    status: "stopped",
    exitStatus: 137,
    code: "VMM",
  });
  expect(error?.message).toMatch(message);
  expect((await runtime.call(["start", id])).stderr).toContain(error?.message);
  expect(await runtime.call(["delete", id])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(residue(runtime.traces())).toEqual([]);
}

export interface State {
  status: string;
  exitStatus?: number;
  error?: { code: string; message: string; log?: string };
}

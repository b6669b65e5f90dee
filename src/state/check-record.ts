import { asNkError, NkError } from "../base/errors.ts";
import { isObject, kindOf, parseJsonObject } from "../base/json.ts";
import type { ContainerRecord } from "./record.ts";

/** @throws DAMAGED when the file is not a record that commands can work with, whoever wrote it. */
export function checkRecord(text: string, path: string, id: string): ContainerRecord {
  try {
    const value = parseJsonObject(text, path);
    const problem = whyNoRecord(value);
    if (problem !== undefined) throw new NkError("DAMAGED", `${path}: ${problem}`);
    return value as unknown as ContainerRecord;
  } catch (cause) {
    const remedy = `remove the container with "nk-runtime delete --force ${id}"`;
    const { message } = asNkError(cause);
    throw new NkError("DAMAGED", `the state of container ${id} is damaged: ${message}: ${remedy}`, { cause });
  }
}

const MODES: readonly unknown[] = ["container", "vm"];
const STATUSES: readonly unknown[] = ["creating", "created", "running", "paused", "stopped"];
const TEXTS = ["id", "ociVersion", "bundle", "rootfs", "created", "owner"];
const VM_COUNTS = ["monitorPid", "monitorStartTime", "vmmPid", "vmmStartTime"];

/** What is wrong with the members that commands rely on before they ask anybody; undefined: nothing. */
export function whyNoRecord(value: Record<string, unknown>): string | undefined {
  const { version, mode, status, pid, pidStartTime, vm } = value;
  if (version !== 1) return `expected state version 1, found ${shown(version)}`;
  if (!MODES.includes(mode)) return `mode: expected container or vm, found ${shown(mode)}`;
  if (!STATUSES.includes(status))
    return `status: expected one of ${STATUSES.join(", ")}, found ${shown(status)}`;
  const notText = TEXTS.find((name) => typeof value[name] !== "string");
  if (notText !== undefined) return `${notText}: expected a string, found ${kindOf(value[notText])}`;
  if (!Number.isInteger(pid) || !Number.isInteger(pidStartTime)) return "pid: expected whole numbers";
  return vm === undefined ? undefined : whyNoVm(vm);
}

function whyNoVm(vm: unknown): string | undefined {
  if (!isObject(vm)) return `vm: expected an object, found ${kindOf(vm)}`;
  if (!VM_COUNTS.every((name) => Number.isInteger(vm[name]))) return "vm: expected pids and start times";
  const { cgroups, joinedCgroups = [], scope } = vm;
  if (!areTexts(cgroups)) return `vm.cgroups: expected an array of paths, found ${kindOf(cgroups)}`;
  if (!areTexts(joinedCgroups)) return "vm.joinedCgroups: expected an array of paths";
  return scope === undefined || typeof scope === "string" ? undefined : "vm.scope: expected a name";
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((path) => typeof path === "string");
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 80);
}

import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import type { ContainerMode } from "./container-mode.ts";

/** The way to run containers of `mode`, loaded only when it is needed: VM mode is the larger part of the bundle. */
export async function loadMode(mode: "container" | "vm", store: StateStore): Promise<ContainerMode> {
  if (mode === "vm") {
    const { vmMode } = await import("./vm-mode.ts");
    return vmMode(store);
  }
  const { hostMode } = await import("./host-mode.ts");
  return hostMode(store);
}

/** The record with its status as it is now, by the mode of the container but without loading all of it. */
export async function refresh(record: ContainerRecord, store: StateStore): Promise<ContainerRecord> {
  const { refreshHost, refreshVmSettled } = await import("./refresh.ts");
  return record.mode === "vm" ? refreshVmSettled(store, record) : refreshHost(store, record);
}

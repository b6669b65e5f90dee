// Snapshots: the files are our own, and what a guest has in its memory is not in them. A loaded guest starts anew.
import { closeSync, ftruncateSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { FatalFault, Fault } from "./http/fault.ts";
import { osError } from "./os-error.ts";
import type { BalloonConfig } from "./resources/balloon.ts";
import { BootSource, type BootSourceConfig } from "./resources/boot-source.ts";
import type { DriveConfig } from "./resources/drives.ts";
import type { MachineConfig } from "./resources/machine-config.ts";
import type { InterfaceConfig } from "./resources/network.ts";
import { Vsock, type VsockConfig } from "./resources/vsock.ts";
import type { Vmm } from "./vmm.ts";

export interface LoadParams {
  snapshotPath: string;
  memoryPath: string;
  resume: boolean;
  vsockPath: string | undefined;
}

interface SavedVm {
  version: string;
  machine: MachineConfig;
  bootSource: BootSourceConfig;
  drives: DriveConfig[];
  interfaces: InterfaceConfig[];
  vsock: VsockConfig | null;
  balloon: BalloonConfig | null;
  entropy: Vmm["entropy"];
}

/** @throws Fault */
export async function createSnapshot(vmm: Vmm, statePath: string, memoryPath: string): Promise<void> {
  if (vmm.state !== "Paused" || vmm.bootSource === undefined)
    throw new Fault(
      "Create snapshot error: Cannot save the microVM state: Operation not allowed: save/restore unavailable while running",
    );
  if (!vmm.guest.canBeSaved)
    throw new Fault(
      "Create snapshot error: Cannot save the microVM state: this stand-in's guest cannot be saved",
    );
  const saved: SavedVm = {
    version: vmm.traits.snapshotVersion,
    machine: vmm.machine,
    bootSource: vmm.bootSource.config,
    drives: vmm.drives.all().map(({ config, path }) => ({ ...config, path_on_host: path })),
    interfaces: vmm.interfaces.saved(),
    vsock: vmm.vsock?.config ?? null,
    balloon: vmm.balloon.config ?? null,
    entropy: vmm.entropy,
  };
  const failed = (what: string) => (error: unknown) =>
    new Fault(`Create snapshot error: Cannot perform open on the ${what}: ${osError(error)}`);
  attempt(() => writeFileSync(statePath, JSON.stringify(saved)), failed("snapshot backing file"));
  const memory = attempt(() => openSync(memoryPath, "w"), failed("memory backing file"));
  ftruncateSync(memory, vmm.machine.mem_size_mib * 2 ** 20);
  closeSync(memory);
}

/** A failure after the first check leaves a process that can only end. @throws Fault */
export async function loadSnapshot(vmm: Vmm, params: LoadParams): Promise<void> {
  if (vmm.bootPath)
    throw new Fault(
      "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.",
    );
  try {
    await restore(vmm, readSaved(vmm, params), params);
  } catch (error) {
    if (error instanceof Fault) throw new FatalFault(error.message);
    throw error;
  }
}

function readSaved({ traits }: Vmm, { snapshotPath, memoryPath }: LoadParams): SavedVm {
  const state =
    "Load snapshot error: Failed to restore from snapshot: Failed to get snapshot state from file: ";
  const text = attempt(
    () => readFileSync(snapshotPath, "utf8"),
    (error) => new Fault(`${state}Failed to open snapshot file: ${osError(error)}`),
  );
  const saved = attempt(
    () => JSON.parse(text) as SavedVm,
    () => new Fault(`${state}Failed to load snapshot state from file: ${traits.badSnapshot}`),
  );
  attempt(
    () => statSync(memoryPath),
    (error) =>
      new Fault(
        `Load snapshot error: Failed to restore from snapshot: Failed to load guest memory: Error creating guest memory from file: Failed to load guest memory: ${osError(error)}`,
      ),
  );
  return saved;
}

async function restore(vmm: Vmm, saved: SavedVm, { resume, vsockPath }: LoadParams): Promise<void> {
  if (vsockPath !== undefined && saved.vsock === null)
    throw new Fault("Load snapshot error: Failed to restore from snapshot: Unknown Vsock Device.");
  vmm.machine = saved.machine;
  vmm.bootSource = new BootSource(saved.bootSource);
  for (const drive of saved.drives) vmm.drives.insert(drive);
  for (const config of saved.interfaces) vmm.interfaces.insert(config);
  if (saved.balloon !== null) vmm.balloon.set(saved.balloon, saved.machine.mem_size_mib);
  vmm.entropy = saved.entropy;
  if (saved.vsock !== null)
    vmm.vsock = await Vsock.bind({ ...saved.vsock, uds_path: vsockPath ?? saved.vsock.uds_path });
  await vmm.start();
  if (!resume) await vmm.pause();
}

function attempt<T>(act: () => T, fault: (error: unknown) => Fault): T {
  try {
    return act();
  } catch (error) {
    throw fault(error);
  }
}

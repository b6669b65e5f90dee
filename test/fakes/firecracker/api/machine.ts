// The machine, its boot source, and devices of which there is one.
import { Fault, RequestFault } from "../http/fault.ts";
import { bootSourceConfig, BootSource } from "../resources/boot-source.ts";
import {
  machineConfigDecoder,
  machineConfigUpdateDecoder,
  updateMachine,
  type MachineConfigUpdate,
} from "../resources/machine-config.ts";
import { checkMemoryHotplug, memoryHotplugConfig, memoryHotplugUpdate } from "../resources/memory-hotplug.ts";
import { rateLimiter, shown } from "../resources/rate-limiter.ts";
import { vsockConfig, Vsock } from "../resources/vsock.ts";
import { any, optional, struct } from "../serde/decode.ts";
import type { Traits } from "../version.ts";
import { after, before, configures, parse, type Action } from "./action.ts";

const entropyConfig = struct("EntropyDeviceConfig", { rate_limiter: optional(rateLimiter) });
const NO_DEVICE = "Failed perform action on device: Device not found";

function configuresMachine(update: MachineConfigUpdate, method: "PUT" | "PATCH"): Action {
  const action = configures((vmm) => {
    vmm.machine = updateMachine(vmm.machine, update, vmm.balloon.amountMib);
  });
  if (update.cpu_template === null) return action;
  return { ...action, deprecated: `${method} /machine-config: cpu_template field is deprecated.` };
}

export function putMachineConfig(traits: Traits, body: Buffer): Action {
  return configuresMachine(parse(machineConfigDecoder(traits), body), "PUT");
}

export function patchMachineConfig(traits: Traits, body: Buffer): Action {
  const update = parse(machineConfigUpdateDecoder(traits), body);
  if (Object.values(update).every((value) => value === null))
    throw RequestFault.generic("Empty PATCH request.");
  return configuresMachine(update, "PATCH");
}

export function putBootSource(body: Buffer): Action {
  const config = parse(bootSourceConfig, body);
  return configures((vmm) => {
    const source = new BootSource(config);
    vmm.bootSource?.close();
    vmm.bootSource = source;
  });
}

/** A custom template is read, and has no effect. */
export function putCpuConfig(body: Buffer): Action {
  parse(any, body);
  return before(() => {});
}

export function putVsock(body: Buffer): Action {
  const config = parse(vsockConfig, body);
  const action = configures(async (vmm) => {
    const old = vmm.vsock;
    vmm.vsock = undefined;
    old?.unbind();
    vmm.vsock = await Vsock.bind(config);
  });
  return config.vsock_id === null
    ? action
    : { ...action, deprecated: "PUT /vsock: vsock_id field is deprecated." };
}

export function putEntropy(body: Buffer): Action {
  const config = parse(entropyConfig, body);
  return configures((vmm) => {
    vmm.entropy = { rate_limiter: shown(config.rate_limiter) };
  });
}

export function putMemoryHotplug(body: Buffer): Action {
  const config = parse(memoryHotplugConfig, body);
  return configures((vmm) => {
    checkMemoryHotplug(config);
    vmm.memoryHotplug = config;
  });
}

export function getMemoryHotplug(): Action {
  return after((vmm) => {
    if (vmm.memoryHotplug === null) throw new Fault(`Internal VMM error: ${NO_DEVICE}`);
    return JSON.stringify({ ...vmm.memoryHotplug, plugged_size_mib: 0, requested_size_mib: 0 });
  });
}

/** No guest of ours plugs memory: a device that is there takes any size. */
export function patchMemoryHotplug(body: Buffer): Action {
  parse(memoryHotplugUpdate, body);
  return after((vmm) => {
    if (vmm.memoryHotplug === null) throw new Fault(`Memory hotplug update error: ${NO_DEVICE}`);
  });
}

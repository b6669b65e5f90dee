import type { AgentClient } from "../../agent/agent-client.ts";
import { isObject } from "../../base/json.ts";
import { applyLimits, planLimits, type LimitOrder } from "../../host/cgroup-limits.ts";
import { frozenConfig } from "../../oci/frozen-config.ts";
import { guestChange } from "../../oci/guest-resources.ts";
import { changedVmLimits, type VmLimits } from "../../oci/host-limits.ts";
import { changed, type ResourceChange } from "../../oci/resource-change.ts";
import type { ContainerRecord, VmRecord } from "../../state/record.ts";

/** The limits of a container as they are now, in the guest and on the host. */
export class ContainerLimits {
  private readonly stateDir: string;
  private resources: ResourceChange | undefined;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  /** In the guest first: what it refuses is not done on the host. @throws as the agent does, HOST */
  async change(
    agent: Pick<AgentClient, "update">,
    { id, vm }: Pick<ContainerRecord, "id" | "vm">,
    change: ResourceChange,
  ): Promise<void> {
    const after = changed((this.resources ??= this.atCreate()), change);
    await agent.update(id, guestChange(after, change));
    // A VM that others use, too, is held to nobody's limits.
    if (vm && vm.sandbox === undefined)
      await applyLimits(await hostOrders(changedVmLimits(after, change, vm.memSizeMib), vm));
    this.resources = after;
  }

  private atCreate(): ResourceChange {
    const { linux } = frozenConfig(this.stateDir);
    const resources = isObject(linux) ? linux["resources"] : undefined;
    return isObject(resources) ? resources : {};
  }
}

async function hostOrders(
  limits: VmLimits,
  { cgroups, joinedCgroups = [], scope }: VmRecord,
): Promise<LimitOrder[]> {
  const folders = { made: cgroups, joined: joinedCgroups };
  if (scope === undefined) {
    const { early, late } = planLimits(limits, folders);
    return [...early, ...late];
  }
  const { cpuOrders, memoryProperties, placementOrders } = await import("../../host/systemd-limits.ts");
  const memory = memoryProperties(limits);
  const ofMemory = memory.length > 0 ? [{ unit: scope, properties: memory }] : [];
  return [...ofMemory, ...placementOrders(limits, scope, folders), ...cpuOrders(limits, scope, folders)];
}

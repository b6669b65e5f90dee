import type { AgentClient, ProcessStart } from "../../agent/agent-client.ts";
import { objectOrEmpty } from "../../base/json.ts";

type Json = Record<string, unknown>;

/** What holds a container to a part of a CPU. Its period goes with it: one alone limits nothing. */
const QUOTA = ["quota", "period", "burst"];

/**
 * Creates a container in the guest, and holds it to its CPU quota when it is there. The runtime would do so first, and make the container with what
 * the quota leaves it: with a hundredth of an emulated CPU, the least that Kubernetes and docker give, that did not come to an end.
 * @throws as the agent does; the container is gone from the guest then
 */
export async function createInGuest(
  agent: Pick<AgentClient, "create" | "update" | "delete">,
  id: string,
  config: Json,
  root: string,
  start: ProcessStart,
): Promise<void> {
  const { early, cpu } = withoutQuota(config);
  await agent.create(id, early, root, start);
  if (cpu === undefined) return;
  try {
    await agent.update(id, { cpu });
  } catch (error) {
    await agent.delete(id, true).catch(() => {});
    throw error;
  }
}

function withoutQuota(config: Json): { early: Json; cpu: Json | undefined } {
  const linux = objectOrEmpty(config["linux"]);
  const resources = objectOrEmpty(linux["resources"]);
  const cpu = objectOrEmpty(resources["cpu"]);
  if (cpu["quota"] === undefined) return { early: config, cpu: undefined };
  const [late = {}, others = {}] = [true, false].map((isLate) =>
    Object.fromEntries(Object.entries(cpu).filter(([name]) => QUOTA.includes(name) === isLate)),
  );
  return { early: { ...config, linux: { ...linux, resources: { ...resources, cpu: others } } }, cpu: late };
}

import type { AgentClient } from "../../agent/agent-client.ts";
import { isObject } from "../../base/json.ts";
import { SHAREABLE, type SharedNamespace } from "../../oci/shared-namespaces.ts";

type Json = Record<string, unknown>;

/**
 * A config.json for the guest whose namespaces of other containers have their paths, which are known now: those of the containers' first processes.
 * @throws BAD_STATE for one that has ended, NOT_FOUND
 */
export async function withSharedNamespaces(
  agent: Pick<AgentClient, "initPid">,
  config: Json,
  shared: readonly SharedNamespace[],
): Promise<Json> {
  if (shared.length === 0) return config;
  const paths = new Map<unknown, string>();
  for (const { type, container } of shared)
    paths.set(type, `/proc/${await agent.initPid(container)}/ns/${SHAREABLE[type]}`);
  const linux = isObject(config["linux"]) ? config["linux"] : {};
  const list = Array.isArray(linux["namespaces"]) ? (linux["namespaces"] as Json[]) : [];
  const namespaces = list.map((namespace) => {
    const path = paths.get(namespace["type"]);
    return path === undefined ? namespace : { ...namespace, path };
  });
  return { ...config, linux: { ...linux, namespaces } };
}

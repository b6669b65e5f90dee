import { basename, dirname, isAbsolute } from "node:path";
import type { EventService } from "../contract/job.ts";

/** Where containerd keeps its bundles, as `NAMESPACE/ID`. */
const TASKS = "io.containerd.runtime.v2.task";

/**
 * The containerd for which a container is made: itself, or that of docker or a kubelet. Its shim has the address in its environment, which we inherit;
 * the bundle's path says that this environment is the shim's.
 */
export function eventService(bundle: string, env: NodeJS.ProcessEnv): EventService | undefined {
  const address = env["TTRPC_ADDRESS"];
  const folder = dirname(bundle);
  if (address === undefined || !isAbsolute(address) || basename(dirname(folder)) !== TASKS) return undefined;
  return { address, namespace: basename(folder) };
}

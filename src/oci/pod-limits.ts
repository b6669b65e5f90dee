import type { OciConfig } from "./config.ts";
import { memoryLimit } from "./vm-size.ts";

type Config = Pick<OciConfig, "annotations" | "linux">;
type Resources = NonNullable<NonNullable<OciConfig["linux"]>["resources"]>;

/** How containerd and CRI-O mark a pod's first container. */
const MARKS = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];
/** What containerd tells of the pod as a whole: containerd, pkg/cri/annotations. */
const POD = "io.kubernetes.cri.sandbox-";

/**
 * The limits of a container's VM as `linux` of a config.json. They are its own; those of the pod for a pod's first container, which is small itself and has
 * the least CPU shares that there are. One with limits of its own keeps them: an image may bring annotations.
 */
export function vmResources({ annotations = {}, linux }: Config): Pick<OciConfig, "linux"> {
  const isFirst = isFirstOfPod({ annotations });
  const own = linux?.resources;
  if (!isFirst || memoryLimit({ linux }) !== undefined || (own?.cpu?.quota ?? 0) > 0) return { linux };
  return { linux: { ...linux, resources: podResources(annotations) } };
}

/** Whether it is the one for which a Kubernetes pod's namespaces are made. */
export function isFirstOfPod({ annotations = {} }: Pick<OciConfig, "annotations">): boolean {
  return MARKS.some((name) => annotations[name] === "sandbox");
}

function podResources(annotations: Record<string, string>): Resources {
  const number = (name: string): number => {
    const value = Number(annotations[`${POD}${name}`]);
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  };
  return {
    memory: { limit: number("memory") },
    cpu: { quota: number("cpu-quota"), period: number("cpu-period"), shares: number("cpu-shares") },
  };
}

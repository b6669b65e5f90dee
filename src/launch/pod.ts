import { statSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import type { OciConfig } from "../oci/config.ts";
import {
  isShareable,
  SHAREABLE,
  type ShareableType,
  type SharedNamespace,
} from "../oci/shared-namespaces.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import type { RunningSandbox } from "./join.ts";
import { sandboxOf } from "./sandbox-of.ts";

interface Named {
  type: ShareableType;
  path: string;
  inode: number;
}

/**
 * The sandbox that a container belongs to by the namespaces that its config.json names: those of a container in a VM are those of its shadow, so one that
 * names them is to live where that lives. A pod's members do, and `--network=container:X`. Annotations are not asked: an image may bring those.
 * @returns undefined: it names none of ours
 * @throws BAD_STATE when that sandbox takes no other; UNSUPPORTED when the container is to have a network of its own in it
 */
export function findPod(store: StateStore, config: OciConfig): RunningSandbox | undefined {
  const named = namedNamespaces(config);
  if (named.length === 0) return undefined;
  const members = store.list(() => {}).filter(({ mode, pid }) => mode === "vm" && pid > 0);
  const found = named.flatMap((one) => {
    const member = members.find(({ pid }) => inodeOf(`/proc/${pid}/ns/${SHAREABLE[one.type]}`) === one.inode);
    return member === undefined ? [] : [{ ...one, member }];
  });
  const [first] = found;
  if (first === undefined) return undefined;
  checkNetwork(config, first.member);
  const sandbox = sandboxOf(store, first.member);
  const shared = found.flatMap(({ type, member }): SharedNamespace[] =>
    (member.vm?.sandbox ?? member.id) !== sandbox.id ? [] : [{ type, container: member.id }],
  );
  return { ...sandbox, shared };
}

/** Those that have a path, and are not the host's. */
function namedNamespaces({ linux }: OciConfig): Named[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }) => {
    if (!path || !isShareable(type)) return [];
    const inode = inodeOf(path);
    const isHosts = inode === inodeOf(`/proc/self/ns/${SHAREABLE[type]}`);
    return inode === undefined || isHosts ? [] : [{ type, path, inode }];
  });
}

/** A VM has one network. */
function checkNetwork({ linux }: OciConfig, { id, pid }: ContainerRecord): void {
  const network = linux?.namespaces?.find(({ type }) => type === "network");
  const wanted = network === undefined ? "/proc/self/ns/net" : network.path;
  if (wanted && inodeOf(wanted) === inodeOf(`/proc/${pid}/ns/net`)) return;
  throw new NkError(
    "UNSUPPORTED",
    `linux.namespaces: it names a namespace of the container ${id}, which is in a VM, but another network than that has, and a VM has one: name that container's network, or none of its namespaces`,
  );
}

/** What is wrong with a path is said by who uses it. */
function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

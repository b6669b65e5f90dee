/** Types of linux.namespaces that a container in a VM can have in common with another one there, and what proc(5) calls them. */
export const SHAREABLE = { network: "net", ipc: "ipc", uts: "uts", pid: "pid" } as const;

export type ShareableType = keyof typeof SHAREABLE;

/** A namespace that a container has in common with another one of its sandbox. */
export interface SharedNamespace {
  type: ShareableType;
  /** Its id. */
  container: string;
}

export function isShareable(type: string): type is ShareableType {
  return Object.hasOwn(SHAREABLE, type);
}

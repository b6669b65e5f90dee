import { getSystemErrorMap } from "node:util";

/** What the kernel said: "no such file or directory". For any other error its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno } = error as NodeJS.ErrnoException;
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? error.message;
}

/** node's names of calls that no manual has. The folder that one is in may have been removed. */
const CALLS: Record<string, string | undefined> = { uv_cwd: "find the current folder" };

/** "cannot open /x/y: no such file or directory": node's own message begins with the code and ends with the path. */
export function describeSystemError(error: NodeJS.ErrnoException & { dest?: string }): string {
  const { syscall = "", path, dest } = error;
  // A failed spawn has the path in its name of the call.
  const call = CALLS[syscall] ?? syscall.split(" ")[0] ?? "";
  const target = [path, dest].filter((name) => name !== undefined && name !== "").join(" to ");
  return `cannot ${call}${target === "" ? "" : ` ${target}`}: ${reasonOf(error)}`;
}

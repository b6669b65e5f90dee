import { commandLine, laterProcesses } from "../vm/processes.ts";

/** Of a container under containerd. @throws when there is none */
export function pidOfShim(id: string): number {
  const found = laterProcesses().find(({ pid }) => {
    const [program = "", ...words] = commandLine(pid);
    return program.includes("containerd-shim") && words[words.indexOf("-id") + 1] === id;
  });
  if (found === undefined) throw new Error(`no shim of ${id}`);
  return found.pid;
}

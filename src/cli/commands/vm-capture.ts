import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { NkError } from "../../base/errors.ts";
import { tapOf } from "../../network/inspect.ts";
import { findNetworkProgram } from "../../network/programs.ts";
import type { Command } from "../command.ts";
import { findRunning } from "../find-machine.ts";

export const vmCapture: Command = {
  spec: {
    name: "vm-capture",
    summary: "capture the packets of a virtual machine",
    usage: "ID [FILE]",
    description:
      'Shows each packet that passes the VM\'s tap, until Ctrl-C; with FILE it writes them in the format of pcap instead ("-": to standard\noutput). It is tcpdump, run where the tap is: it sees what the guest sends and gets, and nothing of another VM.',
    options: [
      { name: "count", short: "c", type: "number", value: "N", help: "end after N packets" },
      {
        name: "filter",
        type: "text",
        value: "EXPR",
        help: "those alone, as pcap-filter(7) says it: icmp, port 80 …",
      },
    ],
    min: 1,
    max: 2,
    examples: ["nk-runtime vm-capture box", "nk-runtime vm-capture --count 10 --filter icmp box ping.pcap"],
  },

  async run({ flags, positionals: [name = "", file], store, requireRoot }) {
    requireRoot();
    const { id, pid, vm } = await findRunning(store, name);
    const tap = vm.network && tapOf(vm.network, { container: pid, monitor: vm.monitorPid });
    if (tap === undefined)
      throw new NkError(
        "UNSUPPORTED",
        `the VM ${id} has no tap to capture on: its network is ${vm.network?.kind ?? "not there yet"}`,
      );
    const count = flags.number("count");
    const filter = flags.text("filter");
    const args = [
      `--net=${tap.netns}`,
      program("tcpdump", "tcpdump"),
      "-i",
      tap.name,
      "-n",
      "--immediate-mode",
      ...(count === undefined ? [] : ["-c", String(count)]),
      ...(file === undefined ? ["-l"] : ["-U", "-w", file === "-" ? file : resolve(file)]),
      ...(filter === undefined ? [] : [filter]),
    ];
    return runInForeground(program("nsenter", "util-linux"), args);
  },
};

function program(name: string, debianPackage: string): string {
  const path = findNetworkProgram(name);
  if (path !== undefined) return path;
  throw new NkError(
    "NETWORK",
    `vm-capture needs ${name}, which is not installed: install the package ${debianPackage}`,
  );
}

/** Ctrl-C goes to all of the terminal's group: it ends tcpdump, which then says what it has counted. */
async function runInForeground(path: string, args: string[]): Promise<number> {
  const child = spawn(path, args, { stdio: "inherit" });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, pass);
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

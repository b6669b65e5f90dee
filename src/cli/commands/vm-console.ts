import { join } from "node:path";
import { writeStderr } from "../../base/logger.ts";
import { attachConsole, explainConsole, printConsoleLog } from "../../machine/console.ts";
import { findMachine } from "../../machine/view.ts";
import { homeDir } from "../../state/home.ts";
import type { Command } from "../command.ts";
import { findRunning, refresher } from "../find-machine.ts";

const STDOUT = 1;

export const vmConsole: Command = {
  spec: {
    name: "vm-console",
    summary: "show the console of a virtual machine, or attach to it",
    usage: "ID",
    description:
      "Prints what the guest's kernel and agent have written to the console. With --follow it goes on with what comes, until\nCtrl-C; with --attach standard input goes to the guest as well, until its\nend or Ctrl-]. In our guest nothing reads the console.",
    options: [
      { name: "follow", short: "f", type: "switch", help: "go on with what comes" },
      { name: "attach", short: "a", type: "switch", help: "send standard input to the guest's console" },
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-console test-vm", "nk-runtime vm-console --follow test-vm"],
  },

  async run({ flags, positionals, store }) {
    const { id } = await findMachine(store, positionals[0] ?? "", refresher(store));
    const stateDir = homeDir(store.dirOf(id));
    const attach = flags.switch("attach");
    if (attach || flags.switch("follow")) {
      await findRunning(store, id);
      await attachConsole(join(stateDir, "control.sock"), attach, () => printConsoleLog(stateDir));
    } else if (!(await printConsoleLog(stateDir))) {
      writeStderr(`the VM ${id} has not run yet: its console is empty\n`);
    }
    const { isatty } = await import("node:tty");
    if (isatty(STDOUT)) explainConsole(stateDir);
    return 0;
  },
};

import { resolve } from "node:path";
import { isatty } from "node:tty";
import { NkError } from "../../base/errors.ts";
import { execProcess, readProcessFile } from "../../container/exec-process.ts";
import { checkAllowed } from "../../container/lifecycle.ts";
import { checkTerminal } from "../../launch/terminal.ts";
import { checkPreservedFds } from "../../host/preserved-fds.ts";
import { checkPidFile } from "../../state/pid-file.ts";
import type { Command, CommandContext } from "../command.ts";
import { findAndTrace } from "../find-container.ts";
import { CONSOLE_SOCKET, INTERACTIVE, NO_SUBREAPER, PID_FILE, type Flags } from "../options.ts";

export const exec: Command = {
  spec: {
    name: "exec",
    summary: "run another command in a container",
    usage: "ID [COMMAND [ARGUMENT...]]",
    description:
      "Runs COMMAND in a running container, with the user, environment and limits of its config.json unless options say\notherwise. Exits with the command's status; 255 when it could not be started. Without COMMAND: a shell.",
    options: [
      {
        name: "exec",
        type: "text",
        value: "COMMAND",
        help: "a command line for /bin/sh, in place of COMMAND",
      },
      { name: "tty", short: "t", type: "switch", help: "give the command a terminal" },
      INTERACTIVE,
      {
        name: "env",
        short: "e",
        type: "text",
        value: "NAME=VALUE",
        many: true,
        help: "set a variable (repeatable)",
      },
      { name: "user", short: "u", type: "text", value: "UID[:GID]", help: "run as this user" },
      {
        name: "additional-gids",
        short: "g",
        type: "number",
        value: "GID",
        many: true,
        help: "one more group (repeatable)",
      },
      { name: "cwd", type: "text", value: "DIR", help: "working directory in the container" },
      {
        name: "cap",
        short: "c",
        type: "text",
        value: "CAP",
        many: true,
        help: "add a capability (repeatable)",
      },
      { name: "no-new-privs", type: "switch", help: "no program may gain privileges" },
      { name: "detach", short: "d", type: "switch", help: "return as soon as the command runs" },
      {
        name: "process",
        short: "p",
        type: "text",
        value: "FILE",
        help: "take the whole process object (JSON) from FILE, /dev/stdin or <(COMMAND)",
      },
      PID_FILE,
      CONSOLE_SOCKET,
      {
        name: "preserve-fds",
        type: "number",
        value: "N",
        help: "pass N more descriptors, from 3 on, to the command",
      },
      {
        name: "cgroup",
        type: "text",
        value: "[CONTROLLER:]PATH",
        many: true,
        help: "run it in this cgroup below the container's (container mode)",
      },
      {
        name: "ignore-paused",
        type: "switch",
        help: "also in a paused container; it waits there (container mode)",
      },
      { name: "process-label", type: "text", value: "LABEL", help: "SELinux label of the command" },
      { name: "apparmor", type: "text", value: "PROFILE", help: "AppArmor profile of the command" },
      NO_SUBREAPER,
    ],
    min: 1,
    max: Number.POSITIVE_INFINITY,
    stopAtFirstPositional: true,
    examples: [
      "nk-runtime exec mycontainer ps -ef",
      "nk-runtime exec -it mycontainer sh",
      'nk-runtime exec --exec "cat /proc/meminfo | head -n 3" mycontainer',
    ],
  },

  async run(context) {
    const { flags } = context;
    const { container, mode } = await findAndTrace(context);
    const ignorePaused = flags.switch("ignore-paused");
    // In a VM neither helps, and its refusal says what does.
    const skip = container.status === "paused" && (ignorePaused || container.mode === "vm");
    if (!skip) checkAllowed("exec", container);
    const process = readProcess(context, context.store.dirOf(container.id));
    const terminal = process["terminal"] === true;
    const detach = flags.switch("detach");
    const consoleSocket = path(flags, "console-socket");
    checkTerminal(terminal, detach, consoleSocket);
    const pidFile = path(flags, "pid-file");
    if (pidFile !== undefined) checkPidFile(pidFile);
    const preserveFds = flags.number("preserve-fds") ?? 0;
    checkPreservedFds(preserveFds);
    return mode.exec(container, {
      process,
      terminal,
      detach,
      pidFile,
      consoleSocket,
      preserveFds,
      ignorePaused,
      cgroups: flags.texts("cgroup"),
    });
  },
};

function readProcess({ flags, positionals }: CommandContext, stateDir: string): Record<string, unknown> {
  const file = flags.text("process");
  if (file !== undefined) {
    const process = readProcessFile(resolve(file), stateDir);
    return flags.switch("tty") ? { ...process, terminal: true } : process;
  }
  const command = commandOf(positionals.slice(1), flags.text("exec"));
  const shellOnTerminal = command === undefined && !flags.has("tty") && !flags.switch("detach") && isatty(0);
  return execProcess(stateDir, {
    args: command ?? ["/bin/sh"],
    terminal: flags.switch("tty") || shellOnTerminal,
    env: flags.texts("env"),
    cwd: flags.text("cwd"),
    user: flags.text("user"),
    additionalGids: flags.texts("additional-gids").map(Number),
    capabilities: flags.texts("cap"),
    noNewPrivileges: flags.has("no-new-privs") ? flags.switch("no-new-privs") : undefined,
    apparmorProfile: flags.text("apparmor"),
    selinuxLabel: flags.text("process-label"),
  });
}

function commandOf(words: readonly string[], line: string | undefined): string[] | undefined {
  const command = words[0] === "--" ? words.slice(1) : words;
  if (line === undefined) return command.length > 0 ? [...command] : undefined;
  if (command.length > 0)
    throw new NkError("USAGE", `exec: give either --exec or a COMMAND, found both: ${command.join(" ")}`);
  return ["/bin/sh", "-c", line];
}

function path(flags: Flags, name: string): string | undefined {
  const text = flags.text(name);
  return text === undefined ? undefined : resolve(text);
}

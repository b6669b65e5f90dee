import { expect, it } from "vitest";
import { defaultOf, SETTING_ROWS } from "../oci/setting-table.ts";
import type { Setting } from "../oci/setting-types.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, globalHelp } from "./help.ts";

const INTRODUCTION = `# The command line

<!-- Made from the help texts: change those, then run "npx vitest run --project unit src/cli/reference.test.ts -u". -->

\`nk-runtime\` has runc's command line: its commands, options, output and exit codes. What is ours beyond that: \`--mode\`,
\`--vm-*\`, \`--host-runtime\`, \`--educational\`, \`exec --exec\`, \`exec\` without a command, \`state --short\`, \`stop\`, \`logs\`, \`bundle\`,
\`run --image\`, \`doctor\`, \`gc\` and the \`vm-\` commands.

## Grammar

- Options are written \`--name value\`, \`--name=value\`, \`-n value\` or \`-n=value\`; switches also \`--name=true\` and \`--name=false\`.
- Global options come before the command. \`--root\`, \`--log\`, \`--log-format\`, \`--debug\` and \`--educational\` are also taken after it.
- The options that give settings (\`--mode\`, \`--vm-*\`, \`--host-runtime\`) are also taken before the command, whichever it is: that is where
  docker's \`runtimeArgs\` and podman's \`--runtime-flag\` put them. Commands that have no such option do without.
- For \`exec\` everything after ID belongs to the command that is run.
- From docker are taken: \`ls\` and \`rm\` for \`list\` and \`delete\`, \`stop\`, \`logs\`, \`-i\` and \`-t\` of \`run\` and \`exec\`, \`run --rm\`.
  Other words of it are answered with what does the same here.

## Standard streams

The container has those of the command that starts it, as with runc: a caller's pipes, files and \`/dev/null\` are passed on. One exception is for
people: of \`create\` and \`run -d\`, streams that are a *terminal* are not passed on, because somebody goes on working there. The process then reads
nothing, and what it writes is kept in the state folder, the last 4 MiB of it, for \`logs\`. \`run -d … >FILE\` writes to FILE, whether there is a
terminal or not. With \`process.terminal\` all of it goes to the container's own terminal.

## Exit codes

| code | when |
|---|---|
| 0 | it worked |
| status of the process, or 128 + its signal | \`run\` and \`exec\` that wait for it |
| 255 | \`exec\` could not start the command |
| 3 | there is no such command |
| 1 | anything else; one line on standard error says what, and what to do |

With \`--log FILE\` the error is also appended to FILE, as text or (\`--log-format json\`) as an object with \`level\`, \`msg\`,
\`time\` and \`code\` a line. The file is created in any case. Warnings go to FILE, without one to standard error; what the host's runtime
warns of is among them. [errors.md](errors.md) has the codes.

## Where settings come from

Flags count most, then the bundle's annotations, its \`vm\` section
([config-vm.md](https://github.com/opencontainers/runtime-spec/blob/main/config-vm.md): \`kernel.path\` and \`kernel.initrd\`, [where
allowed](#what-a-bundle-may-choose), \`hwConfig.vcpus\`, \`hwConfig.memory\`), \`/etc/nano-sandbox/config.d/*.json\` (later names more),
\`/etc/nano-sandbox/config.json\`, and last the defaults: container mode; one CPU and 512 MiB, or what the container's limits ask for (CPUs = quota ÷
period rounded up, memory = limit + 128 MiB, at least 256, at most what the host has; a limit of 0, -1 or 2⁶³−1 is none). The environment variable
\`NK_CONFIG_DIR\` names another folder than \`/etc/nano-sandbox\`. \`NK_TIMEOUT_SCALE\` (0.01 to 100) stretches every deadline by that factor: for
hosts so slow that a good guest misses them.`;

const BUNDLES = `A settings file has their members as they are nested, and says which of them a bundle may choose:

\`\`\`json
{
  "mode": "vm",
  "vm": { "vcpus": 2, "memory": 1024, "accel": "auto" },
  "container": { "runtime": "runc" },
  "allowFromBundle": { "mode": false, "vm.kernel": true }
}
\`\`\`

### What a bundle may choose

Annotations often come from people who may not write \`config.json\` itself. A bundle, by its annotations or its \`vm\` section, may choose all that has an
annotation here, but for what names something of the host: \`vm.kernel\`, \`vm.rootfs\` and \`vm.publish\`. \`allowFromBundle\` of the settings files changes that, setting by
setting: \`true\` allows one, \`false\` takes one away, so that \`"mode": false\` keeps a bundle from leaving its VM. Later files count more. There is no
annotation for the jailer and for \`--vm-confine\`, which are fences, nor for the host's runtime, which is a program.

What a bundle chooses and may not is refused with \`BAD_CONFIG\` and the line that would allow it. It is not looked at where a flag says otherwise, or where
it is about a VM and the container gets none. Sizes that follow from the container's limits are no choice. \`doctor --config\` shows what is allowed.
`;

function settingsTable(): string {
  const rows = SETTING_ROWS.map(([, setting]) => {
    const { flag, key, type } = setting;
    const cells = [
      `\`--${flag}\``,
      annotationOf(setting),
      `\`${key}\``,
      type.values,
      defaultOf(setting) ?? "off",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| flag | annotation | in config.json | values | default |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function annotationOf({ key, annotation, type }: Setting): string {
  if (!annotation) return "–";
  return `\`org.nano-sandbox.${key}\`${type.names === undefined ? "" : ", where allowed"}`;
}

const block = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;

it("is what docs/cli-reference.md says", async () => {
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  const commands = await Promise.all(Object.values(COMMANDS).map((entry) => entry.load()));
  const sections = commands.map(({ spec }) => `## ${spec.name}\n\n${block(commandHelp(spec))}`);
  const text = [
    INTRODUCTION,
    settingsTable(),
    BUNDLES,
    "## nk-runtime\n",
    block(globalHelp(summaries)),
    ...sections,
  ].join("\n");
  await expect(text).toMatchFileSnapshot("../../docs/cli-reference.md");
  // It loads every command.
}, 60_000);

it.each(Object.entries(COMMANDS))(
  "%s has the name and the summary of the table, and an example",
  async (name, entry) => {
    const { spec } = await entry.load();
    expect(spec.name).toBe(name);
    expect(spec.summary).toBe(entry.summary);
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const line of commandHelp(spec).split("\n")) expect(line.length).toBeLessThanOrEqual(130);
  },
);

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { refuseForVm, warningsForVm } from "./answers.ts";
import { features } from "./features.ts";
import { PROPERTIES } from "./properties.ts";
import type { Property } from "./property.ts";

const INTRODUCTION = `# What becomes of config.json

<!-- Made from src/oci/properties.ts: change that, then run "npx vitest run --project unit src/oci/properties.test.ts -u". -->

Every property that [runtime-spec](https://github.com/opencontainers/runtime-spec/blob/main/config.md) 1.3 has for Linux and for VMs, and what each mode
makes of it.

**Container mode** hands config.json to the host's runtime as it is, so a property has the effect that this runtime gives it. What Debian 12's runc (1.1.5)
was seen to ignore or to refuse is said; newer ones do more. \`test/integration/config-as-runc.test.ts\` compares.

**VM mode** gives one of four answers:

- *honoured*: it has its effect, in the guest where nothing else is said. The test, of test/vm, sees it there.
- *left out*: nothing is lost by it, or it means nothing in a guest.
- *left out, with a warning*: a limit that then holds nowhere. Engines ask for some of them unasked, so the container is made all the same.
- *refused*: \`create\` and \`run\` fail with its name, before anything is started. The runtime in the VM (crun 1.8.1 of Debian 12 is what was tried) would run the
  container without it, and nobody would know.

What is refused "with crun" \`--vm-runtime=runc\` takes. 0, \`false\` and what is empty are no request and never refused. Members that the specification does not
have are passed on in both modes. The sections of other platforms (\`windows\`, \`solaris\`, \`zos\`, \`freebsd\`) mean nothing on Linux. Limits on the host have [a
table of their own](vm-mode.md#limits-on-the-host).
`;

const WORDS = {
  honoured: "honoured",
  "left out": "left out",
  "warned of": "left out, with a warning",
  refused: "refused",
};

function table(): string {
  const rows = PROPERTIES.map((property) => `| ${cells(property).join(" | ")} |`);
  return ["| property | container mode | VM mode | test |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function cells(row: Property): string[] {
  const { path, container, answer, note, onlyIn, test } = row;
  const vm = `${WORDS[answer]}${onlyIn === undefined ? "" : ` with ${onlyIn}`}${note === "" ? "" : `: ${note}`}`;
  return [`\`${path}\`${shown(row)}`, container, vm, test ?? "–"];
}

/** Of many values the number: a row is a line. They are listed below the table. */
function shown(row: Property): string {
  if (MANY.includes(row)) return ` (${MANY.indexOf(row) + 1})`;
  return row.values.map((value) => ` \`${value}\``).join("");
}

const MANY = PROPERTIES.filter(({ values }) => values.length > 2);

function lists(): string {
  const lines = MANY.map(({ values }, place) => `${place + 1}. ${inLines(values)}`);
  return `The values of the rows with a number:\n\n${lines.join("\n")}\n`;
}

/** In lines of at most 150 characters. */
function inLines(values: readonly string[]): string {
  const lines = [""];
  for (const value of values) {
    const last = lines.at(-1) ?? "";
    if (last.length + value.length > 145) lines.push(`   \`${value}\``);
    else lines[lines.length - 1] = `${last}${last === "" ? "" : " "}\`${value}\``;
  }
  return lines.join("\n");
}

it("is what docs/oci-compatibility.md says, in lines that can be read", async () => {
  const text = [INTRODUCTION, table(), lists()].join("\n");
  expect(text.split("\n").filter((line) => line.length > 160)).toEqual([]);
  await expect(text).toMatchFileSnapshot("../../docs/oci-compatibility.md");
});

it("answers for all that runtime-spec 1.3 has", () => {
  const file = new URL("../../test/vectors/runtime-spec/config-1.3.txt", import.meta.url);
  const members = readFileSync(file, "utf8").trim().split("\n");
  const isIn = (member: string, { path }: Property): boolean =>
    member === path || member.startsWith(`${path}.`) || member.startsWith(`${path}[`);
  expect(members.filter((member) => !PROPERTIES.some((row) => isIn(member, row)))).toEqual([]);
  // And of nothing else.
  expect(
    PROPERTIES.filter((row) => !members.some((member) => isIn(member, row))).map(({ path }) => path),
  ).toEqual([]);
});

it("says each thing once, and names tests that are there", () => {
  const keys = PROPERTIES.flatMap(({ path, values }) =>
    values.length > 0 ? values.map((value) => `${path} ${value}`) : [path],
  );
  expect(new Set(keys).size).toBe(keys.length);
  const tests = new Set(PROPERTIES.flatMap(({ test }) => test ?? []));
  const isThere = (test: string): boolean =>
    existsSync(new URL(`../../test/vm/${test}.test.ts`, import.meta.url));
  expect([...tests].filter((test) => !isThere(test))).toEqual([]);
});

it("honours the mount options and the namespaces that features lists, and no others", () => {
  const { mountOptions, linux } = features("1.0.0") as {
    mountOptions: string[];
    linux: { namespaces: string[] };
  };
  const honouredOf = (path: string): string[] =>
    PROPERTIES.filter((row) => row.answer === "honoured" && row.path === path).flatMap(
      ({ values }) => values,
    );
  expect(honouredOf("mounts[].options[]").sort()).toEqual([...mountOptions].sort());
  expect(honouredOf("linux.namespaces[].type").sort()).toEqual([...linux.namespaces].sort());
});

describe("refuseForVm", () => {
  it("names the place, the reason and the way out", () => {
    const mounts = [{ options: ["ro"] }, { options: ["rbind", "nosymfollow"] }];
    expect(() => refuseForVm({ mounts }, "crun")).toThrow(
      "mounts[1].options[1] is nosymfollow: crun in the VM would mount without it: leave it out, or use --vm-runtime=runc or --mode=container",
    );
    expect(() => refuseForVm({ process: { scheduler: { policy: "SCHED_IDLE" } } }, "runc")).toThrow(
      "process.scheduler: the runtime in the VM does not know it: leave it out, or use --mode=container",
    );
    expect(() => refuseForVm({ mounts }, "runc")).not.toThrow();
  });

  it("takes a word with a value for the word", () => {
    const mounts = [{ options: ["bind", "idmap=uids=0-1-10"] }];
    expect(() => refuseForVm({ mounts }, "crun")).toThrow("mounts[0].options[1] is idmap=uids=0-1-10");
  });

  it.each([
    {},
    { process: null, linux: [] },
    { process: { scheduler: {}, ioPriority: undefined }, mounts: [{ uidMappings: [] }, 7, null] },
  ])("takes %j", (config) => {
    expect(() => refuseForVm(config, "crun")).not.toThrow();
  });
});

describe("warningsForVm", () => {
  it("tells of limits that hold nowhere", () => {
    const resources = { cpu: { realtimeRuntime: 9n }, blockIO: { leafWeight: 500 } };
    expect(warningsForVm({ linux: { resources } }, false)).toEqual([
      "linux.resources.cpu.realtimeRuntime: not held to for a container in a VM: cgroup version 1 only",
      "linux.resources.blockIO.leafWeight: not held to for a container in a VM: kernels since 5.0 have none",
    ]);
  });

  it("tells of what would hold others of the VM, too", () => {
    const linux = { resources: { cpu: { cpus: "0-1", shares: 2 }, blockIO: { weight: 500n } } };
    expect(warningsForVm({ linux }, false)).toEqual([]);
    const where = "not held to for a container in a VM that others use, too: it would hold them all";
    expect(warningsForVm({ linux }, true)).toEqual([
      `linux.resources.cpu.cpus: ${where}`,
      `linux.resources.blockIO.weight: ${where}`,
    ]);
  });

  it("is quiet about what engines write of themselves", () => {
    const resources = {
      cpu: { cpus: "" },
      blockIO: { weight: 0 },
      memory: { disableOOMKiller: false },
      network: {},
    };
    expect(warningsForVm({ linux: { resources } }, true)).toEqual([]);
  });
});

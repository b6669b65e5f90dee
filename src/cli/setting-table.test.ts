import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveSettings } from "../launch/resolve-settings.ts";
import { settingsFromFiles, type HostSettings } from "../launch/settings-files.ts";
import { defaultOf, isForVm, SETTING_ROWS } from "../oci/setting-table.ts";
import type { Setting } from "../oci/setting-types.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import { parseWords } from "./argv.ts";
import { SETTING_OPTIONS, settingsFromFlags } from "./setting-options.ts";

/** A value that is not the default, by the placeholder of the type. */
const SAMPLES: Record<string, string | number> = {
  N: 3,
  MIB: 700,
  FILE: "/a/file",
  NAME: "runc",
  BRIDGE: "nkbr1",
  CIDR: "10.1.0.0/24",
  CIDR6: "fd00::/64",
  "[ADDR:]HOST:CONTAINER[/udp]": "127.0.0.1:8053:53/udp",
};

function sampleOf({ type }: Setting): string | number | boolean {
  const { placeholder } = type;
  if (placeholder === undefined) return true;
  return SAMPLES[placeholder] ?? placeholder.split("|").at(-1) ?? "";
}

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "nk-table-"))));
afterEach(() => rmSync(dir, { recursive: true }));

/** The settings files of a host with one member, "vm.vcpus" as it is nested. */
function hostWith(key: string, value: unknown): HostSettings {
  const [outer = "", inner] = key.split(".");
  const document = inner === undefined ? { [outer]: value } : { [outer]: { [inner]: value } };
  writeFileSync(join(dir, "config.json"), JSON.stringify(document));
  return settingsFromFiles(dir);
}

const NO_FILES = (): HostSettings => settingsFromFiles(join(dir, "none"));

describe.each(SETTING_ROWS)("the setting %s", (name, setting) => {
  const { flag, key, annotation, type } = setting;
  const sample = sampleOf(setting);
  const value = type.many ? [sample] : sample;
  const NAME = `org.nano-sandbox.${key}`;

  it("is reached by its flag", () => {
    const { flags } = parseWords([`--${flag}=${sample}`], {
      options: SETTING_OPTIONS,
      stopAtFirstPositional: false,
      where: "",
    });
    const { settings, origins } = resolveSettings(settingsFromFlags(flags), {}, NO_FILES());
    expect([settings[name], origins[name]]).toEqual([value, `--${flag}`]);
  });

  it("is reached by its member of a settings file", () => {
    const { settings, origins } = resolveSettings([], {}, hostWith(key, sample));
    expect([settings[name], origins[name]]).toEqual([value, `${join(dir, "config.json")}: ${key}`]);
  });

  it("is reached by its annotation where the host allows it, or has none", () => {
    const annotations = { [NAME]: String(sample) };
    if (!annotation) {
      expect(() => resolveSettings([], { annotations }, NO_FILES())).toThrow(
        `annotation ${NAME} is not known`,
      );
      return;
    }
    writeFileSync(join(dir, "config.json"), JSON.stringify({ allowFromBundle: { [key]: true } }));
    const { settings, origins } = resolveSettings([], { annotations }, settingsFromFiles(dir));
    expect([settings[name], origins[name]]).toEqual([value, `annotation ${NAME}`]);
  });

  it("refuses what is none of its values, wherever it is, in the same words", () => {
    const wrong = type.placeholder === "NAME" ? "" : "no such value";
    const expected = (source: string): string => `${source}: expected `;
    expect(() => type.read(wrong, "x")).toThrow(expected("x"));
    expect(() => hostWith(key, wrong)).toThrow(expected(`${join(dir, "config.json")}: ${key}`));
  });

  it("has a default that is a value of it, and words that name the default", () => {
    if (setting.default === undefined) {
      expect(setting.defaultWords).toBeDefined();
      return;
    }
    expect(type.read(setting.default, "default")).toEqual(setting.default);
    expect(value).not.toEqual(setting.default);
    expect(defaultOf(setting) ?? "false").toContain(String(DEFAULT_SETTINGS[name]));
  });

  it("is named in the README", () => {
    expect(README.includes(`\`--${flag}\``)).toBe(true);
  });

  it("names no program by an annotation", () => {
    expect(annotation && type.names === "program").toBe(false);
  });
});

it("no two settings have a flag or a member in common", () => {
  for (const member of ["flag", "key"] as const) {
    expect(new Set(SETTING_ROWS.map(([, setting]) => setting[member])).size).toBe(SETTING_ROWS.length);
  }
});

const VM_MODE = new URL("../../docs/vm-mode.md", import.meta.url);
/** What is between them in the page is made here. */
const [BEGIN, END] = [
  "<!-- settings: made by src/cli/setting-table.test.ts, which writes them again with -u -->\n",
  "<!-- end of settings -->\n",
];

/** The flags of a VM, their annotations, defaults and meanings. */
function vmTable(): string {
  const rows = SETTING_ROWS.filter(([, setting]) => isForVm(setting)).map(([, setting]) => {
    const { flag, key, annotation, type, help } = setting;
    const value = type.placeholder === undefined ? "" : ` ${type.placeholder.replaceAll("|", "\\|")}`;
    return `| \`--${flag}${value}\` | ${annotation ? `\`${key}\`` : "–"} | ${help} | ${defaultOf(setting) ?? "off"} |`;
  });
  return ["| flag | annotation `org.nano-sandbox.…` | | default |", "|---|---|---|---|", ...rows, ""].join(
    "\n",
  );
}

it("docs/vm-mode.md has the table of the VM's settings", async () => {
  const [before = "", rest = ""] = readFileSync(VM_MODE, "utf8").split(BEGIN);
  const after = rest.slice(rest.indexOf(END));
  await expect(`${before}${BEGIN}${vmTable()}${after}`).toMatchFileSnapshot(VM_MODE.pathname);
});

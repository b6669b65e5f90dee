import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { readNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";
import { checkProcess } from "../oci/config.ts";
import { frozenConfig } from "../oci/frozen-config.ts";
import { parseOciJson } from "../oci/oci-json.ts";

/** What the flags of exec change in the process object of config.json. */
export interface ExecOverrides {
  args: string[];
  terminal: boolean;
  env: string[];
  cwd: string | undefined;
  /** UID[:GID] */
  user: string | undefined;
  additionalGids: number[];
  capabilities: string[];
  noNewPrivileges: boolean | undefined;
  apparmorProfile: string | undefined;
  selinuxLabel: string | undefined;
}

type Json = Record<string, unknown>;

/** The process of `exec ID COMMAND`: the container's own, as runc inherits it, with the changes of the flags. */
export function execProcess(stateDir: string, overrides: ExecOverrides): Json {
  const base = frozenConfig(stateDir)["process"];
  const process: Json = isObject(base) ? base : {};
  const { args, terminal, env, cwd, noNewPrivileges, apparmorProfile, selinuxLabel } = overrides;
  const inherited = Array.isArray(process["env"]) ? (process["env"] as unknown[]) : [];
  return {
    ...process,
    args,
    terminal,
    cwd: cwd ?? process["cwd"] ?? "/",
    env: [...inherited, ...env],
    user: changeUser(process["user"], overrides),
    ...addCapabilities(process["capabilities"], overrides.capabilities),
    ...(noNewPrivileges !== undefined && { noNewPrivileges }),
    ...(apparmorProfile !== undefined && { apparmorProfile }),
    ...(selinuxLabel !== undefined && { selinuxLabel }),
  };
}

/** The process of `exec --process FILE`. Without limits of its own it has those of the container's process, as runc has it. */
export function readProcessFile(path: string, stateDir: string): Json {
  const process = parseOciJson(readText(path), path);
  checkProcess(process, path);
  if (process["rlimits"] !== undefined) return process;
  const base = frozenConfig(stateDir)["process"];
  const rlimits = isObject(base) ? base["rlimits"] : undefined;
  return rlimits === undefined ? process : { rlimits, ...process };
}

function readText(path: string): string {
  try {
    return readNamedFile(path).toString("utf8");
  } catch (cause) {
    throw new NkError("BAD_CONFIG", `--process: cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function changeUser(base: unknown, { user, additionalGids }: ExecOverrides): Json {
  const known: Json = isObject(base) ? base : { uid: 0, gid: 0 };
  const gids = Array.isArray(known["additionalGids"]) ? (known["additionalGids"] as unknown[]) : [];
  return {
    ...known,
    ...(user !== undefined && parseUser(user)),
    ...(additionalGids.length > 0 && { additionalGids: [...gids, ...additionalGids] }),
  };
}

function parseUser(text: string): { uid: number; gid?: number } {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  if (!match) {
    throw new NkError("USAGE", `--user: expected UID or UID:GID in numbers, found ${JSON.stringify(text)}`);
  }
  return { uid: Number(match[1]), ...(match[2] !== undefined && { gid: Number(match[2]) }) };
}

/** runc adds them to every set but the inheritable one. */
const CAPABILITY_SETS = ["bounding", "effective", "permitted", "ambient"];

function addCapabilities(base: unknown, added: string[]): Json {
  if (added.length === 0) return {};
  const known: Json = isObject(base) ? base : {};
  const sets = CAPABILITY_SETS.map((name) => {
    const before = Array.isArray(known[name]) ? (known[name] as unknown[]) : [];
    return [name, [...new Set([...before, ...added])]];
  });
  return { capabilities: { ...known, ...(Object.fromEntries(sets) as Json) } };
}

import * as v from "valibot";
import { NkError } from "../base/errors.ts";
import { kindOf } from "../base/json.ts";

/**
 * The members of config.json that we read, by the runtime specification. Everything else is allowed and ignored here
 * (config.md, "extensibility"): runtimes get the original JSON, not this view of it.
 */
const UINT32_MAX = 4_294_967_295;
const Count = v.pipe(
  v.number(),
  v.integer("expected a whole number"),
  v.minValue(0, "expected 0 or more"),
  v.maxValue(UINT32_MAX, `expected at most ${UINT32_MAX}`),
);
/** No file, argument or variable of Linux can hold a NUL, which JSON can. */
const Text = v.pipe(
  v.string(),
  v.check((text) => !text.includes("\0"), "expected no NUL character"),
);
const Texts = v.array(Text);
const AbsolutePath = v.pipe(Text, v.startsWith("/", "expected an absolute path"));

const User = v.looseObject({
  uid: v.optional(Count),
  gid: v.optional(Count),
  umask: v.optional(Count),
  additionalGids: v.optional(v.array(Count)),
});

const Process = v.looseObject({
  terminal: v.optional(v.boolean()),
  consoleSize: v.optional(v.looseObject({ height: Count, width: Count })),
  user: v.optional(User),
  args: v.pipe(Texts, v.minLength(1, "expected the program and its arguments")),
  env: v.optional(Texts),
  cwd: AbsolutePath,
  capabilities: v.optional(v.record(Text, v.nullish(Texts))),
  rlimits: v.nullish(v.array(v.looseObject({ type: Text, hard: v.number(), soft: v.number() }))),
  noNewPrivileges: v.optional(v.boolean()),
  oomScoreAdj: v.nullish(v.number()),
  apparmorProfile: v.optional(Text),
  selinuxLabel: v.optional(Text),
});

const Mount = v.looseObject({
  destination: Text,
  type: v.optional(Text),
  source: v.optional(Text),
  options: v.nullish(Texts),
});

const Hook = v.looseObject({
  path: AbsolutePath,
  args: v.nullish(Texts),
  env: v.nullish(Texts),
  timeout: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
const Hooks = v.looseObject({
  prestart: v.nullish(v.array(Hook)),
  createRuntime: v.nullish(v.array(Hook)),
  createContainer: v.nullish(v.array(Hook)),
  startContainer: v.nullish(v.array(Hook)),
  poststart: v.nullish(v.array(Hook)),
  poststop: v.nullish(v.array(Hook)),
});

/** config-linux.md#namespaces; `time` since 1.2. */
const NAMESPACE_TYPES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;
const Namespaces = v.pipe(
  v.array(
    v.looseObject({
      type: v.picklist(NAMESPACE_TYPES, `expected one of ${NAMESPACE_TYPES.join(", ")}`),
      path: v.optional(v.union([v.literal(""), AbsolutePath], "expected an absolute path")),
    }),
  ),
  v.check(
    (list) => new Set(list.map(({ type }) => type)).size === list.length,
    "expected each type at most once",
  ),
);

const IdMapping = v.looseObject({ containerID: Count, hostID: Count, size: Count });
const Device = v.looseObject({
  type: Text,
  path: Text,
  major: v.optional(v.number()),
  minor: v.optional(v.number()),
});
const Linux = v.looseObject({
  namespaces: v.nullish(Namespaces),
  uidMappings: v.nullish(v.array(IdMapping)),
  gidMappings: v.nullish(v.array(IdMapping)),
  devices: v.nullish(v.array(Device)),
  cgroupsPath: v.optional(Text),
  resources: v.nullish(
    v.looseObject({
      memory: v.nullish(v.looseObject({ limit: v.nullish(v.number()) })),
      cpu: v.nullish(v.looseObject({ quota: v.nullish(v.number()), period: v.nullish(v.number()) })),
      pids: v.nullish(v.looseObject({ limit: v.number() })),
    }),
  ),
  rootfsPropagation: v.optional(Text),
  seccomp: v.nullish(v.looseObject({ listenerPath: v.optional(Text) })),
  sysctl: v.nullish(v.record(Text, Text)),
  maskedPaths: v.nullish(Texts),
  readonlyPaths: v.nullish(Texts),
  mountLabel: v.optional(Text),
});

/** config-vm.md. The Go type of runtime-spec 1.3 spells the member "hwconfig", the text "hwConfig". */
const HwConfig = v.looseObject({ vcpus: v.nullish(Count), memory: v.nullish(v.number()) });
const Vm = v.looseObject({
  kernel: v.nullish(v.looseObject({ path: AbsolutePath, initrd: v.optional(AbsolutePath) })),
  hwConfig: v.nullish(HwConfig),
  hwconfig: v.nullish(HwConfig),
});

const Config = v.looseObject({
  ociVersion: v.pipe(Text, v.regex(/^1\.\d+\.\d+/, "expected a version 1.x.y of the runtime specification")),
  process: Process,
  root: v.looseObject({
    path: v.pipe(Text, v.minLength(1, "expected a path")),
    readonly: v.optional(v.boolean()),
  }),
  hostname: v.optional(v.pipe(Text, v.maxBytes(64, "expected at most 64 bytes"))),
  domainname: v.optional(Text),
  mounts: v.nullish(v.array(Mount)),
  hooks: v.nullish(Hooks),
  annotations: v.nullish(v.record(Text, Text)),
  linux: v.nullish(Linux),
  vm: v.nullish(Vm),
});

export type OciConfig = v.InferOutput<typeof Config>;
export type OciProcess = v.InferOutput<typeof Process>;
export type OciMount = v.InferOutput<typeof Mount>;
export type OciHook = v.InferOutput<typeof Hook>;
export type OciLinux = v.InferOutput<typeof Linux>;

/** Throws BAD_CONFIG that names the member which breaks the specification. @param path of the file, for the message. */
export function checkConfig(raw: Record<string, unknown>, path: string): OciConfig {
  return check(Config, raw, path);
}

/** Checks a process object that did not come from config.json (`exec --process FILE`). */
export function checkProcess(raw: Record<string, unknown>, path: string): OciProcess {
  return check(Process, raw, path);
}

function check<S extends v.GenericSchema>(schema: S, raw: unknown, path: string): v.InferOutput<S> {
  const result = v.safeParse(schema, raw, { abortEarly: true });
  if (result.success) return result.output;
  throw new NkError("BAD_CONFIG", `${path}: ${explain(result.issues[0])}`);
}

/** "process.args: expected an array, found a string". */
function explain(issue: v.BaseIssue<unknown>): string {
  const member = v.getDotPath(issue) ?? "the document";
  if (issue.input === undefined) return `${member} is missing`;
  // A check carries our words; a type mismatch carries valibot's, which repeat the value in full.
  const ours = !issue.message.startsWith("Invalid ");
  const expected = ours ? issue.message : `expected ${typeNames(issue.expected ?? "another value")}`;
  return `${member}: ${expected}, found ${shown(issue.input)}`;
}

const TYPE_NAMES: Record<string, string> = {
  Array: "an array",
  Object: "an object",
  string: "a string",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
};

function typeNames(expected: string): string {
  const names = expected
    .replace(/^\((.*)\)$/, "$1")
    .split(" | ")
    .filter((name) => name !== "null" && name !== "undefined");
  return names.map((name) => TYPE_NAMES[name] ?? name).join(" or ");
}

function shown(value: unknown): string {
  if (Array.isArray(value) && value.length === 0) return "an empty array";
  if (typeof value === "object") return kindOf(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

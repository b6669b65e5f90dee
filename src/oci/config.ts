import * as v from "valibot";
import { NkError } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";
import { kindOf } from "../base/json.ts";

/**
 * The members of config.json that we read, by the runtime specification. Everything else is allowed and ignored here
 * (config.md, "extensibility"): runtimes get the original JSON, not this view of it. A member that is null is gone by now (oci-json.ts).
 */
const UINT32_MAX = 4_294_967_295;
const Count = v.pipe(
  v.number(),
  v.integer("expected a whole number"),
  v.minValue(0, "expected 0 or more"),
  v.maxValue(UINT32_MAX, `expected at most ${UINT32_MAX}`),
);
/** A whole number as Go's types take it: a bigint where a number cannot hold it. */
function whole(min: bigint, max: bigint) {
  return v.pipe(
    v.union([v.number(), v.bigint()], "expected a whole number"),
    v.check((value) => typeof value === "bigint" || Number.isInteger(value), "expected a whole number"),
    v.check((value) => value >= min && value <= max, `expected ${min} to ${max}`),
  );
}
const Int64 = whole(-(2n ** 63n), 2n ** 63n - 1n);
const Uint64 = whole(0n, 2n ** 64n - 1n);
const Text = v.string();
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
  capabilities: v.optional(v.record(Text, v.optional(Texts))),
  rlimits: v.optional(v.array(v.looseObject({ type: Text, hard: Uint64, soft: Uint64 }))),
  noNewPrivileges: v.optional(v.boolean()),
  oomScoreAdj: v.optional(v.number()),
  apparmorProfile: v.optional(Text),
  selinuxLabel: v.optional(Text),
});

const Mount = v.looseObject({
  destination: Text,
  type: v.optional(Text),
  source: v.optional(Text),
  options: v.optional(Texts),
});

const Hook = v.looseObject({
  path: AbsolutePath,
  args: v.optional(Texts),
  env: v.optional(Texts),
  timeout: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
const Hooks = v.looseObject({
  prestart: v.optional(v.array(Hook)),
  createRuntime: v.optional(v.array(Hook)),
  createContainer: v.optional(v.array(Hook)),
  startContainer: v.optional(v.array(Hook)),
  poststart: v.optional(v.array(Hook)),
  poststop: v.optional(v.array(Hook)),
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
  major: v.optional(Int64),
  minor: v.optional(Int64),
});
const Rates = v.array(v.looseObject({ major: Int64, minor: Int64, rate: Uint64 }));
const BlockIo = v.looseObject({
  weight: v.optional(Count),
  weightDevice: v.optional(v.array(v.looseObject({ major: Int64, minor: Int64, weight: v.optional(Count) }))),
  throttleReadBpsDevice: v.optional(Rates),
  throttleWriteBpsDevice: v.optional(Rates),
  throttleReadIOPSDevice: v.optional(Rates),
  throttleWriteIOPSDevice: v.optional(Rates),
});
const Resources = v.looseObject({
  memory: v.optional(v.looseObject({ limit: v.optional(Int64), reservation: v.optional(Int64) })),
  cpu: v.optional(
    v.looseObject({
      quota: v.optional(Int64),
      period: v.optional(Uint64),
      shares: v.optional(Uint64),
      cpus: v.optional(Text),
      mems: v.optional(Text),
    }),
  ),
  blockIO: v.optional(BlockIo),
  pids: v.optional(v.looseObject({ limit: v.optional(Int64) })),
});

const Linux = v.looseObject({
  namespaces: v.optional(Namespaces),
  uidMappings: v.optional(v.array(IdMapping)),
  gidMappings: v.optional(v.array(IdMapping)),
  devices: v.optional(v.array(Device)),
  cgroupsPath: v.optional(Text),
  resources: v.optional(Resources),
  rootfsPropagation: v.optional(Text),
  seccomp: v.optional(v.looseObject({ listenerPath: v.optional(Text) })),
  sysctl: v.optional(v.record(Text, Text)),
  maskedPaths: v.optional(Texts),
  readonlyPaths: v.optional(Texts),
  mountLabel: v.optional(Text),
});

/** config-vm.md. The Go type of runtime-spec 1.3 spells the member "hwconfig", the text "hwConfig". */
const HwConfig = v.looseObject({ vcpus: v.optional(Count), memory: v.optional(Uint64) });
const Vm = v.looseObject({
  kernel: v.optional(v.looseObject({ path: AbsolutePath, initrd: v.optional(AbsolutePath) })),
  hwConfig: v.optional(HwConfig),
  hwconfig: v.optional(HwConfig),
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
  mounts: v.optional(v.array(Mount)),
  hooks: v.optional(Hooks),
  annotations: v.optional(v.record(Text, Text)),
  linux: v.optional(Linux),
  vm: v.optional(Vm),
});

export type OciConfig = v.InferOutput<typeof Config>;
export type OciProcess = v.InferOutput<typeof Process>;
export type OciMount = v.InferOutput<typeof Mount>;
export type OciHook = v.InferOutput<typeof Hook>;
export type OciResources = v.InferOutput<typeof Resources>;
export type OciLinux = v.InferOutput<typeof Linux>;

/** Throws BAD_CONFIG that names the member which breaks the specification. @param path of the file, for the message. */
export function checkConfig(raw: Record<string, unknown>, path: string): OciConfig {
  return check(Config, raw, path);
}

/** Checks a process object that did not come from config.json (`exec --process FILE`). */
export function checkProcess(raw: Record<string, unknown>, path: string): OciProcess {
  return check(Process, raw, path);
}

/** Checks linux.resources that did not come from config.json (`update --resources FILE`). */
export function checkResources(raw: Record<string, unknown>, path: string): OciResources {
  return check(Resources, raw, path);
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
  const text = formatExact(value);
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

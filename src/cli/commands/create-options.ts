import { join, resolve } from "node:path";
import { asNkError, NkError } from "../../base/errors.ts";
import { settingsOfName } from "../../launch/called-as.ts";
import { cardFor, chooseNetwork } from "../../launch/network-choice.ts";
import { withNetworkFiles } from "../../launch/network-files.ts";
import { newRecord } from "../../launch/new-record.ts";
import { checkCallersTerminal, checkTerminal } from "../../launch/terminal.ts";
import { resolveSettings } from "../../launch/resolve-settings.ts";
import { settingsFromFiles } from "../../launch/settings-files.ts";
import type { CreateRequest } from "../../launch/create-request.ts";
import { keptStreams } from "../../launch/kept-output.ts";
import { openRootOf } from "../../launch/open-root.ts";
import { CGROUP_MANAGERS, type CgroupManager } from "../../host/cgroup-manager.ts";
import { checkGivenUp, giveUpOnSignals } from "../../host/give-up.ts";
import { checkPreservedFds } from "../../host/preserved-fds.ts";
import { loadBundle, refuseLinkedRoot } from "../../oci/bundle.ts";
import { freezeConfig } from "../../oci/frozen-config.ts";
import type { SourcedSettings } from "../../oci/settings.ts";
import type { NetworkSpec } from "../../network/network.ts";
import { commandHint } from "../../state/paths.ts";
import { checkPidFile } from "../../state/pid-file.ts";
import { notices, traced, warnings } from "../../trace/channels.ts";
import { installRecorder } from "../../trace/recorder.ts";
import type { CommandContext } from "../command.ts";
import { CONSOLE_SOCKET, NO_SUBREAPER, PID_FILE, type Flags, type OptionSpec } from "../options.ts";
import { BUNDLE, SETTING_OPTIONS, settingsFromFlags, VM_OPTIONS } from "../setting-options.ts";
import { checkImageFlags, unpackImage } from "./unpack-image.ts";

/** What create and run have in common. */
export const CREATE_OPTIONS: readonly OptionSpec[] = [
  BUNDLE,
  {
    name: "vm",
    type: "text",
    value: "ID",
    help: "take the VM that vm-create has made, or that of another container, instead of one of its own",
  },
  ...SETTING_OPTIONS,
  PID_FILE,
  CONSOLE_SOCKET,
  {
    name: "preserve-fds",
    type: "number",
    value: "N",
    help: "pass N more descriptors, from 3 on, to the container",
  },
  { name: "no-pivot", type: "switch", help: "do not use pivot_root (container mode)" },
  { name: "no-new-keyring", type: "switch", help: "keep the caller's session keyring (container mode)" },
  NO_SUBREAPER,
];

/**
 * Reads the bundle, settles how the container is run, claims the id, and hands all that to `work`. The id is free again when
 * anything fails, or when a signal comes before the container is created.
 */
export async function withClaim<T>(
  context: CommandContext,
  detach: boolean,
  work: (request: CreateRequest) => Promise<T>,
): Promise<T> {
  const request = await claimed(context, detach, giveUpOnSignals());
  try {
    await checkGivenUp(request.givenUp);
    const result = await work(request);
    if (request.stdio) tellOfOutput(request);
    return result;
  } catch (error) {
    const stateDir = context.store.dirOf(request.id);
    context.store.remove(request.id);
    throw withoutPathsIn(stateDir, asNkError(error));
  }
}

/** To a person at a terminal, who would look for it there. */
function tellOfOutput({ id, store }: CreateRequest): void {
  notices.publish(`${commandHint(store.root, `logs ${id}`)} prints what ${id} writes`);
}

async function claimed(
  context: CommandContext,
  detach: boolean,
  givenUp: AbortSignal,
): Promise<CreateRequest> {
  const { flags, positionals, store } = context;
  const id = positionals[0] ?? "";
  const flagSettings = flags.has("vm") ? inMachine(flags) : settingsFromFlags(flags);
  const place = stdioAndPlace(flags);
  if (place.pidFile !== undefined) checkPidFile(place.pidFile);
  checkPreservedFds(place.preserveFds);
  if (flags.has("image")) checkImageFlags(context);
  store.checkFree(id);
  const prepared = store.prepare();
  try {
    installRecorder(join(prepared, "trace.jsonl"));
    const image = flags.text("image");
    const dir = image === undefined ? undefined : await unpackImage(image, context, prepared, givenUp);
    const found = await readBundle(dir ?? flags.text("bundle") ?? ".");
    freezeConfig(prepared, found);
    const settings = await settle(flagSettings, found);
    const read = settings.mode === "vm" ? await forVm(found) : found;
    const inside = settings.mode === "vm" ? await findInside(context, read.config) : undefined;
    const network = inside ? undefined : await ownNetwork(settings, read, flags);
    const bundle = network ? withNetworkFiles(read, network) : read;
    const settled = network && (await ownVm(settings, bundle, network));
    if (settings.mode === "container") refuseVmFlags(flags);
    const terminal = bundle.config.process.terminal ?? false;
    if (flags.switch("tty") && !terminal) throw noTerminal(bundle.path);
    checkTerminal(terminal, detach, flags.text("console-socket"));
    if (terminal && !detach && settings.mode === "vm") checkCallersTerminal();
    const open = openRootOf(bundle, settings, settled?.shape);
    if (open) warnings.publish(`${open.found}: ${open.mend}`);
    const record = newRecord(id, bundle, settings, detach);
    const stdio = detach && !terminal ? await keptStreams(prepared) : undefined;
    store.claim(prepared, record);
    return { record, id, bundle, settings, settled, network, store, inside, stdio, givenUp, ...place };
  } catch (error) {
    store.discard(prepared);
    throw error;
  }
}

/** @throws UNSUPPORTED for what cannot cross into a VM */
async function forVm(bundle: CreateRequest["bundle"]): Promise<CreateRequest["bundle"]> {
  refuseLinkedRoot(bundle);
  const { withGuestCgroups } = await import("../../launch/host-cgroups.ts");
  const { withoutHostNodes } = await import("../../launch/host-nodes.ts");
  return withoutHostNodes(withGuestCgroups(bundle));
}

/** The state folder is gone, and with it the logs that an error would send people to; their ends are in the error. */
export function withoutPathsIn(stateDir: string, error: NkError): NkError {
  const { code, message, phase, log, see, cause, exitStatus, shown } = error;
  const withoutFolder = (text: string): string => text.replaceAll(`${stateDir}/`, "");
  return new NkError(code, withoutFolder(message), {
    ...(phase !== undefined && { phase }),
    ...(log !== undefined && { log: withoutFolder(log) }),
    ...(see?.startsWith(`${stateDir}/`) === false && { see }),
    ...(exitStatus !== undefined && { exitStatus }),
    cause,
    shown,
  });
}

function noTerminal(bundle: string): NkError {
  const member = `process.terminal in ${join(bundle, "config.json")}`;
  return new NkError("USAGE", `-t: ${member} says that it has no terminal: set it to true`);
}

/** Whoever sizes a VM expects one: running on the host's kernel instead would be a silent loss of isolation. */
function refuseVmFlags(flags: Flags): void {
  const given = VM_OPTIONS.find(({ name }) => flags.has(name));
  if (!given) return;
  throw new NkError(
    "USAGE",
    `--${given.name} is for a VM, and the container would run on the host's kernel: add --mode=vm`,
  );
}

/** A VM that runs has its size already. */
function inMachine(flags: Flags): SourcedSettings[] {
  const other = VM_OPTIONS.find(({ name }) => flags.has(name));
  if (other || flags.text("mode") === "container") {
    const name = other?.name ?? "mode=container";
    throw new NkError("USAGE", `--${name} and --vm exclude each other: the VM has been made already`);
  }
  return [{ source: "--vm", settings: { mode: "vm" } }];
}

function stdioAndPlace(flags: Flags) {
  const path = (name: string): string | undefined => {
    const text = flags.text(name);
    return text === undefined ? undefined : resolve(text);
  };
  return {
    pidFile: path("pid-file"),
    consoleSocket: path("console-socket"),
    preserveFds: flags.number("preserve-fds") ?? 0,
    noPivot: flags.switch("no-pivot"),
    noNewKeyring: flags.switch("no-new-keyring"),
    cgroupManager: cgroupManager(flags),
  };
}

/** The sandbox that is there already, and takes the container. */
async function findInside(
  { flags, store }: CommandContext,
  config: CreateRequest["bundle"]["config"],
): Promise<CreateRequest["inside"]> {
  const id = flags.text("vm");
  if (id === undefined) return (await import("../../launch/pod.ts")).findPod(store, config);
  return (await import("../../launch/sandbox-of.ts")).findSandbox(store, id, config);
}

function cgroupManager(flags: Flags): CgroupManager {
  const named = CGROUP_MANAGERS.find((name) => name === flags.text("cgroup-manager"));
  return flags.switch("systemd-cgroup") ? "systemd" : (named ?? "cgroupfs");
}

async function ownNetwork(
  settings: CreateRequest["settings"],
  { config }: CreateRequest["bundle"],
  flags: Flags,
): Promise<CreateRequest["network"]> {
  if (settings.mode === "container") return undefined;
  return chooseNetwork(settings, { config, isByHand: !flags.has("pid-file") });
}

async function ownVm(
  settings: CreateRequest["settings"],
  bundle: CreateRequest["bundle"],
  network: NetworkSpec,
): Promise<CreateRequest["settled"]> {
  const { settleVm } = await import("../../launch/settle-vm.ts");
  const { needsVolumes } = await import("../../launch/disk-root.ts");
  return settleVm(settings, {
    takesMany: false,
    needsVolumes: needsVolumes(bundle, settings.sync),
    card: cardFor(network),
  });
}

function readBundle(dir: string): Promise<CreateRequest["bundle"]> {
  const why = "config.json says which process runs, in which file system, with which limits";
  return traced("cli", "read the bundle", { why, what: resolve(dir, "config.json") }, async () =>
    loadBundle(dir),
  );
}

function settle(
  flagSettings: SourcedSettings[],
  { config }: CreateRequest["bundle"],
): Promise<CreateRequest["settings"]> {
  const why =
    "flags count more than annotations, these more than our name and settings files, these more than defaults";
  const notes: { why: string; what?: string } = { why };
  return traced("cli", "settle mode and size", notes, async () => {
    const host = settingsFromFiles();
    const named = { ...host, settings: [...host.settings, ...settingsOfName()] };
    const { settings } = resolveSettings(flagSettings, config, named);
    notes.what = JSON.stringify(settings);
    return settings;
  });
}

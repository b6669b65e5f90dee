import { join, resolve } from "node:path";
import { checkTerminal } from "../../container/terminal.ts";
import { resolveSettings } from "../../container/resolve-settings.ts";
import { settingsFromFiles } from "../../container/settings-files.ts";
import type { CreateRequest } from "../../container/container-mode.ts";
import { loadBundle } from "../../oci/bundle.ts";
import { choicesOf, readSetting } from "../../oci/setting-values.ts";
import type { SettingName } from "../../oci/setting-values.ts";
import type { PartialSettings } from "../../oci/settings.ts";
import { traced } from "../../trace/channels.ts";
import { installRecorder } from "../../trace/recorder.ts";
import type { CommandContext } from "../command.ts";
import { CONSOLE_SOCKET, NO_SUBREAPER, PID_FILE, type Flags, type OptionSpec } from "../options.ts";

/** Flags that give settings. */
const SETTING_FLAGS: Record<string, SettingName> = {
  mode: "mode",
  "vm-vcpus": "vcpus",
  "vm-memory": "memSizeMib",
  "vm-kernel": "kernel",
  "vm-rootfs": "rootfs",
  "vm-accel": "accel",
  "vm-share": "share",
  "vm-runtime": "vmRuntime",
  "host-runtime": "hostRuntime",
};

const words = (name: Parameters<typeof choicesOf>[0]): string => choicesOf(name).join("|");

/** What create and run have in common. */
export const CREATE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "bundle",
    short: "b",
    type: "text",
    value: "DIR",
    help: "folder with config.json (default: the current one)",
  },
  {
    name: "mode",
    type: "text",
    value: words("mode"),
    help: "on the host's kernel or in a VM (default: container)",
  },
  { name: "vm-vcpus", type: "text", value: "N", help: "virtual CPUs (default: from the CPU limit, else 1)" },
  {
    name: "vm-memory",
    type: "text",
    value: "MIB",
    help: "memory, also 512M or 2G (default: from the memory limit, else 512)",
  },
  {
    name: "vm-kernel",
    type: "text",
    value: "FILE",
    help: "guest kernel, vmlinux or bzImage (default: the installed one)",
  },
  { name: "vm-rootfs", type: "text", value: "FILE", help: "guest initramfs (default: the installed one)" },
  {
    name: "vm-accel",
    type: "text",
    value: words("accel"),
    help: "hardware or software virtualisation (default: auto)",
  },
  {
    name: "vm-share",
    type: "text",
    value: words("share"),
    help: "how the guest sees the container's files (default: auto)",
  },
  {
    name: "vm-runtime",
    type: "text",
    value: words("vmRuntime"),
    help: "runtime inside the VM (default: crun)",
  },
  {
    name: "host-runtime",
    type: "text",
    value: "NAME",
    help: "runtime of container mode: runc, crun or a path (default: runc, else crun)",
  },
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
 * Claims the id, reads the bundle, settles how the container is run, and hands all that to `work`. The id is free again when
 * anything fails.
 */
export async function withClaim<T>(
  { flags, positionals, store }: CommandContext,
  detach: boolean,
  work: (request: CreateRequest) => Promise<T>,
): Promise<T> {
  const id = positionals[0] ?? "";
  const flagSettings = settingsFromFlags(flags);
  const stateDir = store.claim(id);
  try {
    installRecorder(join(stateDir, "trace.jsonl"));
    const bundle = await readBundle(flags.text("bundle") ?? ".");
    const settings = await settle(flagSettings, bundle);
    checkTerminal(bundle.config.process.terminal ?? false, detach, flags.text("console-socket"));
    return await work({ id, bundle, settings, store, ...stdioAndPlace(flags) });
  } catch (error) {
    store.remove(id);
    throw error;
  }
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
    systemdCgroup: flags.switch("systemd-cgroup") || flags.text("cgroup-manager") === "systemd",
  };
}

function readBundle(dir: string): Promise<CreateRequest["bundle"]> {
  const why = "config.json says which process runs, in which file system, with which limits";
  return traced("cli", "read the bundle", { why, what: resolve(dir, "config.json") }, async () =>
    loadBundle(dir),
  );
}

function settle(
  flagSettings: PartialSettings,
  { config }: CreateRequest["bundle"],
): Promise<CreateRequest["settings"]> {
  const why = "flags count more than annotations, these more than settings files, these more than defaults";
  const notes: { why: string; what?: string } = { why };
  return traced("cli", "settle mode and size", notes, async () => {
    const settings = resolveSettings(flagSettings, config, settingsFromFiles());
    notes.what = JSON.stringify(settings);
    return settings;
  });
}

function settingsFromFlags(flags: Flags): PartialSettings {
  const parts = Object.entries(SETTING_FLAGS)
    .filter(([flag]) => flags.has(flag))
    .map(([flag, setting]) => {
      const text = flags.text(flag) ?? "";
      const isFile = setting === "kernel" || setting === "rootfs";
      return readSetting(setting, isFile ? resolve(text) : text, `--${flag}`);
    });
  return Object.assign({}, ...parts) as PartialSettings;
}

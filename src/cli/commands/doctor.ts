import { resolveSettings, type ResolvedSettings } from "../../launch/resolve-settings.ts";
import { settingsFromFiles, type HostSettings } from "../../launch/settings-files.ts";
import { bundleChecks } from "../../doctor/bundle.ts";
import { runChecks } from "../../doctor/check.ts";
import { allChecks } from "../../doctor/checks.ts";
import { makeContext } from "../../doctor/context.ts";
import { formatReport, makeReport } from "../../doctor/report.ts";
import { formatSettings, reportSettings } from "../../doctor/settings-report.ts";
import { loadBundle, type Bundle } from "../../oci/bundle.ts";
import type { Command } from "../command.ts";
import { type Flags, formatOption } from "../options.ts";
import { print } from "../../base/print.ts";
import { BUNDLE, SETTING_OPTIONS, settingsFromFlags } from "../setting-options.ts";

export const doctor: Command = {
  spec: {
    name: "doctor",
    summary: "check this host, and say what to mend",
    usage: "",
    description: [
      "Looks at the host, QEMU, Firecracker and KVM, the guest image, shares, the runtime of container mode and limits. Says what",
      "it found and, where something is amiss, how to mend it. Exits with 0 when both modes can run, with 1 when something failed.",
      "What only another setting would need is no failure: doctor --vm-vmm=firecracker says what Firecracker lacks here.",
      "",
      "With --config it prints the settings in force and where each came from. Both take the flags of create, and with --bundle",
      "what the bundle says counts too.",
    ].join("\n"),
    options: [
      { name: "config", type: "switch", help: "print the settings in force and where each came from" },
      formatOption("text", "json"),
      { ...BUNDLE, help: "folder with config.json, whose settings and needs count too" },
      ...SETTING_OPTIONS,
    ],
    min: 0,
    max: 0,
    stateless: true,
    examples: ["nk-runtime doctor", "nk-runtime doctor --config --bundle=/path/to/bundle --vm-memory=1G"],
  },

  async run({ flags, store }) {
    const dir = flags.text("bundle");
    const bundle = dir === undefined ? undefined : loadBundle(dir);
    const host = settingsFromFiles();
    const resolved = resolveSettings(settingsFromFlags(flags), bundle?.config ?? {}, host);
    return flags.switch("config")
      ? printSettings(resolved, host, flags)
      : examine(store.root, resolved, bundle, flags);
  },
};

async function printSettings(resolved: ResolvedSettings, host: HostSettings, flags: Flags): Promise<number> {
  const reported = reportSettings(resolved, host);
  await print(isJson(flags) ? `${JSON.stringify(reported, null, 2)}\n` : formatSettings(reported));
  return 0;
}

async function examine(
  root: string,
  { settings }: ResolvedSettings,
  bundle: Bundle | undefined,
  flags: Flags,
): Promise<number> {
  const checks = [...(await allChecks()), ...(bundle === undefined ? [] : bundleChecks(bundle))];
  const report = makeReport(await runChecks(checks, makeContext(root, settings, bundle)));
  const { stdout, env } = process;
  const look = {
    width: Math.min(stdout.columns ?? 120, 120),
    colour: stdout.isTTY && (env["NO_COLOR"] ?? "") === "",
  };
  await print(isJson(flags) ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report, look));
  return report.ok ? 0 : 1;
}

const isJson = (flags: Flags): boolean => flags.text("format") === "json";

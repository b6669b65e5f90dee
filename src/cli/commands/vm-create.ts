import { resolve } from "node:path";
import { resolveSettings } from "../../launch/resolve-settings.ts";
import { settingsFromFiles } from "../../launch/settings-files.ts";
import { createMachine } from "../../machine/create.ts";
import { MachineStore } from "../../state/machine-store.ts";
import type { Command } from "../command.ts";
import { settingsFromFlags, BOOT_OPTIONS } from "../setting-options.ts";

export const vmCreate: Command = {
  spec: {
    name: "vm-create",
    summary: "make a virtual machine that takes containers",
    usage: "ID",
    description:
      "Checks that everything the VM needs is there (kernel, initramfs, VMM, share) and writes it down. Nothing runs yet:\n`vm-start` boots it, `create --vm=ID` makes containers in it.",
    options: [
      {
        name: "bundle",
        short: "b",
        type: "text",
        value: "DIR",
        help: "a folder that the guest sees as /mnt/bundle, read-only but for its root file system, for vm-agent",
      },
      ...BOOT_OPTIONS,
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-create --vm-vcpus=1 --vm-memory=512 test-vm"],
  },

  async run({ flags, positionals, store }) {
    const bundle = flags.text("bundle");
    const { settings } = resolveSettings(settingsFromFlags(flags), {}, settingsFromFiles());
    await createMachine(new MachineStore(store), {
      id: positionals[0] ?? "",
      settings: { ...settings, mode: "vm" },
      bundle: bundle === undefined ? undefined : resolve(bundle),
    });
    return 0;
  },
};

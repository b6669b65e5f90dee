import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { CONFIG_FILE } from "../../oci/config-file.ts";
import { specTemplate } from "../../oci/spec-template.ts";
import type { Command } from "../command.ts";

export const spec: Command = {
  spec: {
    name: "spec",
    summary: "write a config.json to start from",
    usage: "",
    description:
      "Writes a config.json that runs `sh` in the folder `rootfs` beside it. It does not replace one that is there.",
    options: [
      {
        name: "bundle",
        short: "b",
        type: "text",
        value: "DIR",
        help: "folder to write to (default: the current one)",
      },
      { name: "rootless", type: "switch", help: "for a user without root's rights: with a user namespace" },
    ],
    min: 0,
    max: 0,
    stateless: true,
    examples: ["nk-runtime spec --bundle /path/to/bundle"],
  },

  async run({ flags }) {
    const path = join(flags.text("bundle") ?? ".", CONFIG_FILE);
    if (existsSync(path)) {
      throw new NkError("EXISTS", `file ${path} exists: remove it first`);
    }
    const { getuid, getgid } = process;
    const owner = { uid: getuid?.() ?? 0, gid: getgid?.() ?? 0 };
    const config = specTemplate(flags.switch("rootless") ? owner : undefined);
    writeFileSync(path, `${JSON.stringify(config, null, "\t")}\n`, { mode: 0o666 });
    return 0;
  },
};

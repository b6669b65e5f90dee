import { features as runtimeFeatures } from "../../oci/features.ts";
import type { Command } from "../command.ts";
import { print } from "../../base/print.ts";
import { VERSION } from "../version.ts";

export const features: Command = {
  spec: {
    name: "features",
    summary: "print what this runtime can do",
    usage: "",
    description: "Prints the features as JSON (runtime-spec features.md).",
    options: [],
    min: 0,
    max: 0,
    stateless: true,
    examples: ["nk-runtime features"],
  },

  async run() {
    await print(`${JSON.stringify(runtimeFeatures(VERSION), null, 4)}\n`);
    return 0;
  },
};

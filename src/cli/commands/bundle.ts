import { basename, resolve } from "node:path";
import { print } from "../../base/print.ts";
import { giveUpOnSignals } from "../../host/give-up.ts";
import type { Command } from "../command.ts";
import { hostnameFrom } from "../hostname.ts";

export const bundle: Command = {
  spec: {
    name: "bundle",
    summary: "unpack an image of a container into a bundle",
    usage: "IMAGE[:NAME] DIR",
    description:
      "Makes DIR, with the image's files as rootfs and a config.json that runs its command as its user, with its environment. IMAGE is\n" +
      "a file or folder: a docker archive, an OCI archive or an OCI layout; NAME says which one, where it holds several. Nothing is\n" +
      "fetched: skopeo or podman make such files (docs/images.md). `run --image` does it in one step.",
    options: [],
    min: 2,
    max: 2,
    stateless: true,
    examples: [
      "skopeo copy docker://docker.io/library/alpine oci-archive:alpine.tar",
      "nk-runtime bundle alpine.tar alpine && nk-runtime run --mode=vm --bundle=alpine box",
    ],
  },

  async run({ positionals, requireRoot }) {
    const [image = "", folder = ""] = positionals;
    requireRoot();
    const { makeBundle } = await import("../../container-image/make-bundle.ts");
    const dir = resolve(folder);
    await makeBundle({
      image,
      dir,
      hostname: hostnameFrom(basename(dir)),
      command: [],
      terminal: false,
      givenUp: giveUpOnSignals(`the unpacking of ${image}`),
    });
    await print(`${dir}\n`);
    return 0;
  },
};

import { NkError } from "../../base/errors.ts";
import { newImageBundle } from "../../state/image-bundle.ts";
import { traced } from "../../trace/channels.ts";
import type { CommandContext } from "../command.ts";
import { hostnameFrom } from "../hostname.ts";

/** @throws USAGE for what excludes --image, HOST where the caller is not root */
export function checkImageFlags({ flags, requireRoot }: CommandContext): void {
  if (flags.has("bundle"))
    throw new NkError("USAGE", "--image and --bundle exclude each other: leave one out");
  requireRoot();
}

/** Makes the bundle of an image. It is found by the prepared state folder from before it is there. */
export async function unpackImage(
  image: string,
  { flags, positionals: [id = "", ...words], store }: CommandContext,
  prepared: string,
  givenUp: AbortSignal,
): Promise<string> {
  const { makeBundle } = await import("../../container-image/make-bundle.ts");
  const dir = newImageBundle(prepared, store.dirOf(id));
  const why =
    "the image's layers, one on the other, are the root file system; what it says of its process is config.json";
  await traced("cli", "unpack the image", { why, what: `${image} into ${dir}` }, () =>
    makeBundle({
      image,
      dir,
      hostname: hostnameFrom(id),
      command: words[0] === "--" ? words.slice(1) : words,
      terminal: flags.switch("tty"),
      givenUp,
    }),
  );
  return dir;
}

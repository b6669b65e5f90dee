import { spawn } from "node:child_process";
import { once } from "node:events";
import { NkError } from "../base/errors.ts";
import { shadowPath } from "../host/paths.ts";
import type { TarEntry } from "./tar-reader.ts";

/** What node cannot make of a file in a layer. */
export interface Special {
  /** From the root of the tree on, a binary string. */
  path: string;
  /** A device or fifo to make: the type is tar's. */
  device: Pick<TarEntry, "type" | "mode" | "uid" | "gid" | "major" | "minor"> | undefined;
  xattrs: ReadonlyMap<string, Buffer>;
}

/** XATTR_SIZE_MAX and XATTR_NAME_MAX of the kernel. */
const MAX_VALUE_BYTES = 65_536;
const MAX_NAME_BYTES = 255;

/**
 * Has `nk-shadow files` make devices and fifos and set extended attributes below a folder, of which it follows no link.
 * @returns how many attributes the file system does not take
 * @throws HOST
 */
export async function makeSpecials(root: string, specials: readonly Special[]): Promise<number> {
  if (specials.length === 0) return 0;
  const child = spawn(shadowPath(), ["files", root], { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.on("error", () => {});
  child.stdin.end(Buffer.concat(specials.flatMap(records)));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new NkError("HOST", `cannot make the image's special files: ${errors.trim()}`);
  return Number(output);
}

/** Each is a line of words, the path and, of an attribute, its name and value as bytes behind: native/files/files.c. */
function records({ path, device, xattrs }: Special): Buffer[] {
  const name = Buffer.from(path, "latin1");
  const made = device
    ? [
        Buffer.from(
          `node ${device.type} ${device.mode} ${device.uid} ${device.gid} ${device.major} ${device.minor} ${name.length}\n`,
        ),
        name,
      ]
    : [];
  const set = [...xattrs]
    .filter(([key, value]) => key.length <= MAX_NAME_BYTES && value.length <= MAX_VALUE_BYTES)
    .flatMap(([key, value]) => {
      const attribute = Buffer.from(key, "latin1");
      return [
        Buffer.from(`xattr ${name.length} ${attribute.length} ${value.length}\n`),
        name,
        attribute,
        value,
      ];
    });
  return [...made, ...set];
}

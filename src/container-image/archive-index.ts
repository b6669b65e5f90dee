import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { fileBlob, packingOf, type Blob } from "./blob.ts";
import { partsOf } from "./root-path.ts";
import { readTar } from "./tar-reader.ts";

/** The files of an image by their names: an OCI layout in a folder, or the members of a tar archive. */
export interface ImageFiles {
  /** @returns undefined when there is none of that name */
  find(name: string, digest?: string): Blob | undefined;
}

/** Docker's archives have some for each layer; no image has so many. */
const MAX_MEMBERS = 100_000;
/** Docker's older archives have links for layers that are the same. */
const MAX_LINKS = 8;

/** For whoever has none. */
export const HOW_TO_GET =
  'nk-runtime fetches none: "skopeo copy docker://NAME oci-archive:FILE" or "podman save -o FILE NAME" makes one (docs/images.md)';

/** @throws BAD_CONFIG when there is nothing of that name, or no archive */
export async function openImageFiles(path: string): Promise<ImageFiles> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new NkError("BAD_CONFIG", `there is no image file ${path}: ${HOW_TO_GET}`);
  if (stat.isDirectory()) return layoutFiles(path);
  if (!stat.isFile()) throw new NkError("BAD_CONFIG", `${path} is neither file nor folder: ${HOW_TO_GET}`);
  return archiveFiles(path, stat.size);
}

function layoutFiles(dir: string): ImageFiles {
  return {
    find(name, digest) {
      const path = join(dir, ...partsOf(name));
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat?.isSymbolicLink() === true && dirname(realpathSync(path)) !== realpathSync(dirname(path)))
        throw new NkError("BAD_CONFIG", `${path} is a link out of its folder: expected a file of the image`);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined || !found.isFile()) return undefined;
      return fileBlob(path, { name, offset: 0, bytes: found.size, digest });
    },
  };
}

interface Member {
  offset: number;
  bytes: number;
  link: string | undefined;
}

async function archiveFiles(path: string, bytes: number): Promise<ImageFiles> {
  const whole = fileBlob(path, { name: path, offset: 0, bytes, digest: undefined });
  const packing = packingOf(whole);
  if (packing !== undefined) {
    const tool = packing === "gzip" ? "gunzip" : packing;
    throw new NkError("UNSUPPORTED", `${path} is packed by ${packing}: unpack it first: ${tool} -dk ${path}`);
  }
  const members = await listMembers(whole);
  return {
    find(name, digest) {
      const member = follow(members, name);
      return member && fileBlob(path, { name, digest, offset: member.offset, bytes: member.bytes });
    },
  };
}

async function listMembers(archive: Blob): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  try {
    for await (const { type, path, linkPath, offset, size } of readTar(
      archive.open() as AsyncIterable<Buffer>,
    )) {
      if (members.size >= MAX_MEMBERS) throw new NkError("BAD_CONFIG", `more than ${MAX_MEMBERS} files`);
      const name = posix.normalize(path);
      const target = type === "2" ? posix.join(posix.dirname(name), linkPath) : linkPath;
      const link = type === "1" || type === "2" ? posix.normalize(target) : undefined;
      if (type === "0" || link !== undefined) members.set(name, { offset, bytes: size, link });
    }
  } catch (cause) {
    throw new NkError(
      "BAD_CONFIG",
      `${archive.name} is no archive of an image: ${reasonOf(cause)}: ${HOW_TO_GET}`,
      {
        cause,
      },
    );
  }
  return members;
}

function follow(members: ReadonlyMap<string, Member>, name: string): Member | undefined {
  let member = members.get(name);
  for (let links = 0; member?.link !== undefined && links < MAX_LINKS; links += 1)
    member = members.get(member.link);
  return member?.link === undefined ? member : undefined;
}

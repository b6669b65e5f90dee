import { existsSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { isObject, parseJsonObject } from "../base/json.ts";
import { printableLine } from "../base/printable.ts";
import { HOW_TO_GET, openImageFiles, type ImageFiles } from "./archive-index.ts";
import { checkDigest, readBlob, type Blob } from "./blob.ts";
import { parseImageConfig, type ImageConfig } from "./image-config.ts";

/** An image that can be unpacked: for this machine, with all its parts there. */
export interface Image {
  config: ImageConfig;
  /** The lowest first; each with the digest of its archive, where the image says it. */
  layers: readonly { blob: Blob; diffId: string | undefined }[];
}

/** image-spec manifest.md has it for manifests; configurations are smaller. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;
/** docker and containerd stop at 127; more cannot be meant. */
const MAX_LAYERS = 512;
const MAX_MANIFESTS = 1000;
/** An index in an index in an index. */
const MAX_INDEX_DEPTH = 4;

/** Names of kinds of archives, as skopeo and podman write them before the path. */
const TRANSPORT = /^(?:oci|oci-archive|docker-archive):(?=.)/;

/**
 * Opens an OCI layout (a folder), an OCI archive or a docker archive.
 * @param reference PATH, or PATH:NAME where it holds several images
 * @throws BAD_CONFIG with what was expected of the image, UNSUPPORTED for another machine's
 */
export async function openImage(reference: string): Promise<Image> {
  const { path, name } = splitReference(reference.replace(TRANSPORT, ""));
  const files = await openImageFiles(path);
  const docker = files.find("manifest.json");
  if (docker) return dockerImage(files, docker, name);
  const index = files.find("index.json");
  if (index) return layoutImage(files, index, name);
  throw new NkError(
    "BAD_CONFIG",
    `${path} is no image: it has neither manifest.json (docker) nor index.json (OCI): ${HOW_TO_GET}`,
  );
}

/** A colon may be in both: what is there decides. */
function splitReference(reference: string): { path: string; name: string | undefined } {
  for (let at = reference.length; at > 0; at = reference.lastIndexOf(":", at - 1)) {
    const path = reference.slice(0, at);
    if (existsSync(path)) return { path, name: at < reference.length ? reference.slice(at + 1) : undefined };
  }
  return { path: reference, name: undefined };
}

async function dockerImage(files: ImageFiles, manifest: Blob, name: string | undefined): Promise<Image> {
  const images = await readArray(manifest);
  const named = images.map((image) => ({ image, names: strings(image["RepoTags"]) }));
  const { image } = choose(named, name);
  const configName = text(image["Config"], "manifest.json: Config");
  // Docker names it by its digest: blobs/sha256/HEX, or HEX.json.
  const [, hex] = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(configName) ?? [];
  const config = await readConfig(required(files, configName, hex && `sha256:${hex}`));
  const layers = strings(image["Layers"]).map((layer) => required(files, layer));
  return withDiffIds(config, layers);
}

async function layoutImage(files: ImageFiles, index: Blob, name: string | undefined): Promise<Image> {
  const entries = manifestsOf(await readObject(index));
  const named = entries.map((image) => ({ image, names: refName(image) }));
  const { image } = choose(named, name);
  const manifest = await resolveManifest(files, image, MAX_INDEX_DEPTH);
  const config = await readConfig(blobOf(files, manifest["config"]));
  const layers = (Array.isArray(manifest["layers"]) ? manifest["layers"] : []).map((layer) => {
    const { mediaType } = object(layer, "a layer");
    if (typeof mediaType === "string" && mediaType.includes("encrypted"))
      throw new NkError(
        "UNSUPPORTED",
        "the image has encrypted layers: decrypt it first (skopeo copy --decryption-key)",
      );
    return blobOf(files, layer);
  });
  return withDiffIds(config, layers);
}

/** From an index to the manifest for this machine. */
async function resolveManifest(
  files: ImageFiles,
  descriptor: Record<string, unknown>,
  depth: number,
): Promise<Record<string, unknown>> {
  const document = await readObject(blobOf(files, descriptor));
  if (!Array.isArray(document["manifests"])) return document;
  const entries = manifestsOf(document);
  const found =
    entries.find((entry) => isOurs(entry["platform"])) ?? (entries.length === 1 ? entries[0] : undefined);
  if (depth > 0 && found !== undefined) return resolveManifest(files, found, depth - 1);
  const platforms = entries.map(({ platform }) =>
    isObject(platform) ? `${String(platform["os"])}/${String(platform["architecture"])}` : "unknown",
  );
  throw new NkError(
    "UNSUPPORTED",
    printableLine(`the image is for ${platforms.join(", ")}: expected linux/amd64`),
  );
}

function isOurs(platform: unknown): boolean {
  return isObject(platform) && platform["os"] === "linux" && platform["architecture"] === "amd64";
}

function choose<T extends { names: string[] }>(images: readonly T[], name: string | undefined): T {
  const found =
    name === undefined ? images : images.filter(({ names }) => names.some((own) => isSameName(own, name)));
  const [image, ...others] = found;
  if (image !== undefined && others.length === 0) return image;
  const names = images.flatMap((each) => each.names);
  const has = names.length === 0 ? `${images.length} images without names` : names.join(", ");
  const mend = name === undefined ? "name one: FILE:NAME" : `found ${found.length} of the name ${name}`;
  throw new NkError("BAD_CONFIG", printableLine(`the archive has ${has}: ${mend}`));
}

/** "docker.io/library/busybox:latest" is also meant by "busybox:latest" and "latest". */
function isSameName(own: string, wanted: string): boolean {
  return own === wanted || own.endsWith(`/${wanted}`) || own.endsWith(`:${wanted}`);
}

function withDiffIds(config: ImageConfig, layers: readonly Blob[]): Image {
  const { diffIds } = config;
  if (layers.length > MAX_LAYERS)
    throw new NkError("BAD_CONFIG", `the image has ${layers.length} layers, ${MAX_LAYERS} at most`);
  if (layers.length !== diffIds.length)
    throw new NkError(
      "BAD_CONFIG",
      `the image has ${layers.length} layers, and its configuration ${diffIds.length}`,
    );
  return { config, layers: layers.map((blob, index) => ({ blob, diffId: diffIds[index] })) };
}

function blobOf(files: ImageFiles, descriptor: unknown): Blob {
  const digest = checkDigest(object(descriptor, "a descriptor")["digest"]);
  return required(files, `blobs/${digest.replace(":", "/")}`, digest);
}

function required(files: ImageFiles, name: string, digest?: string): Blob {
  const blob = files.find(name, digest);
  if (blob) return blob;
  throw new NkError("BAD_CONFIG", printableLine(`the image lacks a part of it: ${name.slice(0, 200)}`));
}

async function readConfig(blob: Blob): Promise<ImageConfig> {
  return parseImageConfig(await readObject(blob));
}

async function readObject(blob: Blob): Promise<Record<string, unknown>> {
  return parseJsonObject((await readBlob(blob, MAX_JSON_BYTES)).toString("utf8"), blob.name);
}

async function readArray(blob: Blob): Promise<Record<string, unknown>[]> {
  const content = (await readBlob(blob, MAX_JSON_BYTES)).toString("utf8");
  const { images } = parseJsonObject(`{"images":${content}}`, blob.name);
  return list(images, blob.name);
}

function manifestsOf(index: Record<string, unknown>): Record<string, unknown>[] {
  return list(index["manifests"], "index.json");
}

function list(value: unknown, name: string): Record<string, unknown>[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_MANIFESTS)
    throw new NkError("BAD_CONFIG", `${name}: expected a list of images`);
  return value.map((entry) => object(entry, name));
}

function refName({ annotations }: Record<string, unknown>): string[] {
  return isObject(annotations) ? strings([annotations["org.opencontainers.image.ref.name"]]) : [];
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw new NkError("BAD_CONFIG", `${name} in the image: expected an object`);
}

function text(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new NkError("BAD_CONFIG", `${name} in the image: expected text`);
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

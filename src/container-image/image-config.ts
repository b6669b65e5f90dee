import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { printableLine } from "../base/printable.ts";
import { checkDigest } from "./blob.ts";

/** What an image says of the process it is made for (image-spec config.md). */
export interface ImageConfig {
  entrypoint: readonly string[];
  cmd: readonly string[];
  env: readonly string[];
  workingDir: string;
  /** As in the image: a name or number, and perhaps a group after a colon; "" is root. */
  user: string;
  stopSignal: string | undefined;
  /** Digests of the layers' archives. */
  diffIds: readonly string[];
}

/** @throws BAD_CONFIG for another form, UNSUPPORTED for another machine */
export function parseImageConfig(document: Record<string, unknown>): ImageConfig {
  const { os = "linux", architecture = "amd64" } = document;
  if (os !== "linux" || architecture !== "amd64") {
    const found = printableLine(`${String(os)}/${String(architecture)}`.slice(0, 80));
    throw new NkError("UNSUPPORTED", `the image is for ${found}: expected linux/amd64`);
  }
  const config = isObject(document["config"]) ? document["config"] : {};
  const rootfs = isObject(document["rootfs"]) ? document["rootfs"] : {};
  const stopSignal = text(config, "StopSignal");
  return {
    entrypoint: texts(config, "Entrypoint"),
    cmd: texts(config, "Cmd"),
    env: texts(config, "Env"),
    workingDir: text(config, "WorkingDir"),
    user: text(config, "User"),
    stopSignal: stopSignal === "" ? undefined : stopSignal,
    diffIds: texts(rootfs, "diff_ids").map(checkDigest),
  };
}

function texts(object: Record<string, unknown>, name: string): string[] {
  const value = object[name] ?? [];
  if (Array.isArray(value) && value.every((entry) => typeof entry === "string" && !entry.includes("\0")))
    return value as string[];
  throw new NkError("BAD_CONFIG", `${name} of the image's configuration: expected a list of texts`);
}

function text(object: Record<string, unknown>, name: string): string {
  const value = object[name] ?? "";
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw new NkError("BAD_CONFIG", `${name} of the image's configuration: expected text`);
}

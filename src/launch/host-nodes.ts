import { readdirSync, realpathSync, statSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import { objectOrEmpty, objectsIn } from "../base/json.ts";
import { deviceNumbers } from "../host/device-numbers.ts";
import type { Bundle } from "../oci/bundle.ts";
import { bindMounts } from "../oci/guest-mounts.ts";
import { warnings } from "../trace/channels.ts";

type Json = Record<string, unknown>;

/** Character devices that mean the same in every Linux (Documentation/admin-guide/devices.txt), and that guests have. */
const GUEST_HAS = new Set([
  "1:3", // null
  "1:5", // zero
  "1:7", // full
  "1:8", // random
  "1:9", // urandom
  "1:11", // kmsg, of the guest's kernel
  "5:0", // tty
  "5:1", // console
  "5:2", // ptmx
  "10:200", // net/tun
  "10:229", // fuse
  "10:237", // loop-control
]);

/** Of block devices that are loop devices: of the guest's kernel too, but not with what is in the host's. */
const LOOP_MAJOR = 7;

const WAY_OUT = "leave it out, or use --mode=container";

/**
 * The bundle without devices of the host, whose numbers mean other devices in the guest, or none. Where config.json asks for all there are (`--privileged`),
 * they are left out; one that it names is refused, and so is a fifo that it binds, whose two ends would be in two kernels.
 * @throws UNSUPPORTED with the first of them
 */
export function withoutHostNodes(bundle: Bundle): Bundle {
  for (const { source, destination } of bindMounts(bundle.raw)) {
    const path = resolve(bundle.path, source);
    const found = nodeAt(path);
    if (found !== undefined) throw new NkError("UNSUPPORTED", `mount ${destination}: ${path} ${found}`);
  }
  const linux = objectOrEmpty(bundle.raw["linux"]);
  const devices = objectsIn(linux["devices"]);
  const isForAll = allowsAll(linux);
  const others = devices.filter((device) => !isOfGuest(device) && !(isForAll && isLoop(device)));
  const [first] = others;
  if (first === undefined) return bundle;
  if (!isForAll) throw hostDevice(first);
  const names = others.map(({ path }) => String(path));
  warnings.publish(`linux.devices: left out, as the VM has none of the host's devices: ${names.join(", ")}`);
  const kept = devices.filter((device) => !others.includes(device));
  return { ...bundle, raw: { ...bundle.raw, linux: { ...linux, devices: kept } } };
}

function hostDevice({ path, type, major, minor }: Json): NkError {
  const device = `${String(path)} (${String(type)} ${String(major)}:${String(minor)})`;
  return new NkError(
    "UNSUPPORTED",
    `linux.devices: ${device} is a device of the host, which a VM has not: a node with its number would be another device of the guest, or none: ${WAY_OUT}`,
  );
}

/** What of the source of a bind mount cannot cross, in words; undefined: it can, or is not there. */
function nodeAt(path: string): string | undefined {
  const stat = statOf(path);
  if (stat?.isFIFO())
    return `is a fifo, whose two ends are in one kernel: what the guest opens there leads nowhere on the host: use a Unix socket, a file or standard streams, or --mode=container`;
  if (stat !== undefined && isHostDevice(stat))
    return `is a device of the host, which a VM has not: ${WAY_OUT}`;
  const device = stat?.isDirectory() ? deviceIn(path) : undefined;
  if (device === undefined) return undefined;
  return `has devices of the host, which a VM has not (${device}): bind what you need of it, or use --mode=container; a container has /dev of its own, with what its guest has`;
}

/** Only in what the host's kernel has there: anywhere else nodes are files of somebody's. */
function deviceIn(folder: string): string | undefined {
  const place = realpathSync(folder);
  if (place !== "/dev" && !place.startsWith("/dev/")) return undefined;
  return readdirSync(place)
    .map((name) => join(place, name))
    .find((path) => {
      const stat = statOf(path);
      return stat !== undefined && isHostDevice(stat);
    });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // whoever needs it says so
  }
}

function isHostDevice(stat: Stats): boolean {
  if (stat.isBlockDevice()) return true;
  return stat.isCharacterDevice() && !GUEST_HAS.has(deviceNumbers(stat.rdev));
}

function isOfGuest({ type, major, minor }: Json): boolean {
  return (
    type === "p" || ((type === "c" || type === "u") && GUEST_HAS.has(`${String(major)}:${String(minor)}`))
  );
}

function isLoop({ type, major }: Json): boolean {
  return type === "b" && major === LOOP_MAJOR;
}

/** The last rule for all of them, as callers write it for --privileged. */
function allowsAll(linux: Json): boolean {
  const rules = objectsIn(objectOrEmpty(linux["resources"])["devices"]);
  const isForAll = ({ type, major, minor }: Json): boolean =>
    (type === undefined || type === "a" || type === "") && isAny(major) && isAny(minor);
  return rules.findLast(isForAll)?.["allow"] === true;
}

/** -1 as well as none (runtime-spec config-linux.md). */
function isAny(number: unknown): boolean {
  return number === undefined || number === -1;
}

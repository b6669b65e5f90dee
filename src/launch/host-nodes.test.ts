import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bundle } from "../oci/bundle.ts";
import { withoutHostNodes } from "./host-nodes.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-nodes-"));
  execFileSync("mkfifo", [join(folder, "fifo")]);
  execFileSync("mknod", [join(folder, "disk"), "b", "254", "0"]);
  symlinkSync("fifo", join(folder, "link"));
  writeFileSync(join(folder, "file"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

const bundle = (raw: Record<string, unknown>): Bundle => ({ path: folder, raw }) as unknown as Bundle;
const bound = (source: string): Bundle =>
  bundle({ mounts: [{ destination: "/there", type: "bind", source, options: ["rbind"] }] });
const node = (path: string, type: string, major: number, minor: number) => ({ path, type, major, minor });

const NULL = node("/dev/null", "c", 1, 3);
const TUN = node("/dev/net/tun", "c", 10, 200);
const DISK = node("/dev/xvda", "b", 254, 0);
const LOOP = node("/dev/loop0", "b", 7, 0);
const LOOP_CONTROL = node("/dev/loop-control", "c", 10, 237);
const KVM = node("/dev/kvm", "c", 10, 232);

it.each(["file", ".", "/dev/null", "/dev/shm", "/no/such/path"])("%s can be bound", (source) => {
  const given = bound(source);
  expect(withoutHostNodes(given)).toBe(given);
});

it.each([
  ["fifo", /^mount \/there: .*\/fifo is a fifo, .*Unix socket/],
  ["link", /\/link is a fifo/],
  ["/dev", /^mount \/there: \/dev has devices of the host, .*\(\/dev\//],
  ["disk", /^mount \/there: .*\/disk is a device of the host, .*--mode=container/],
])("%s cannot", (source, words) => {
  expect(() => withoutHostNodes(bound(source))).toThrow(words);
});

it("devices that every Linux has stay, others are refused by their names", () => {
  const given = bundle({ linux: { devices: [NULL, TUN, LOOP_CONTROL, node("/pipe", "p", 0, 0)] } });
  expect(withoutHostNodes(given)).toBe(given);
  for (const device of [DISK, KVM, LOOP, node("/dev/null", "b", 1, 3)]) {
    const path = new RegExp(`^linux.devices: ${device.path} \\(${device.type} .*\\) is a device of the host`);
    expect(() => withoutHostNodes(bundle({ linux: { devices: [NULL, device] } }))).toThrow(path);
  }
});

it("are left out where all that there are were asked for", () => {
  const devices = [NULL, DISK, LOOP, KVM];
  const asked = (rules: unknown[]): Bundle => bundle({ linux: { devices, resources: { devices: rules } } });
  const all = { allow: true, access: "rwm" };
  const none = { allow: false, access: "rwm" };
  for (const rules of [[all], [none, { ...all, type: "a", major: -1, minor: -1 }]])
    expect(withoutHostNodes(asked(rules)).raw["linux"]).toMatchObject({ devices: [NULL, LOOP] });
  for (const rules of [[], [none], [all, none], [none, { ...all, type: "b", major: 254, minor: 0 }]])
    expect(() => withoutHostNodes(asked(rules))).toThrow("/dev/xvda");
});

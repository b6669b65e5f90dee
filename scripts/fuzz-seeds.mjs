// Makes what the fuzzers begin with of the protocol's test vectors: fuzz-seeds.mjs OUT writes OUT/TARGET/NAME.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [out] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(`protocol/vectors/${name}`, "utf8"));
const toBytes = (hex) =>
  Buffer.from(hex.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1]))).join(""), "hex");

/** A vector of a megabyte teaches a fuzzer nothing that its first bytes do not. */
const MAX_BYTES = 8192;
/** As in native/common/frame.h. */
const SENDERS = ["host", "guest", "monitor", "shadow"];

function seed(target, bytes) {
  const folder = join(out, target);
  mkdirSync(folder, { recursive: true });
  const name = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  writeFileSync(join(folder, name), bytes.subarray(0, MAX_BYTES));
}

for (const { sender, bytes } of read("frames.json")) {
  const frames = toBytes(bytes);
  seed("frame", Buffer.concat([Buffer.from([SENDERS.indexOf(sender) | (63 << 2)]), frames]));
  if (sender === "monitor") seed("pump", frames);
  if (sender === "monitor") seed("upgrade", Buffer.concat([Buffer.from("HTTP/1.1 101 X\r\n\r\n"), frames]));
  if (sender === "guest") seed("connection", frames);
}
for (const { text, request } of read("messages.json")) {
  seed("message", Buffer.from(text ?? JSON.stringify(request)));
  if (request?.type === "network") seed("network", Buffer.from(JSON.stringify(request)));
}
for (const text of ["/run/nk/share", "/run/nk/../x", "c1", "AAECAw==", "a\u00e9\u0000b"])
  seed("text", Buffer.from(text));
seed("upgrade", Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\ntext"));
const plan = (...words) => seed("plan", Buffer.from(words.map((word) => `${word}\0`).join("")));
plan(
  "rootfs",
  "/r",
  "readonly",
  "/proc",
  "dir",
  "bind",
  "/a",
  "/b",
  4097,
  "hostname",
  "h",
  "monitor",
  1,
  "node",
);
plan("netns", "/ns", "cgroup", "/c", "terminal", "/s", "preserve-fds", 3, "wait", "monitor-log", "/l");
plan("join", 1, "control", "/s", "endpoint", "/containers/c/exec", "request", "{}", "terminal", "none");

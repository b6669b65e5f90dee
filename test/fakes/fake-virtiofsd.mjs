#!/usr/bin/env node
// A virtiofsd that serves nothing: it says that it listens, and then behaves as NK_FAKE_VIRTIOFSD tells.
const mode = process.env.NK_FAKE_VIRTIOFSD ?? "ready";
const stay = () => setInterval(() => {}, 1_000_000);

if (mode === "exit") {
  console.error("fake-virtiofsd: source is not a directory");
  process.exit(1);
}
// In two pieces: output comes as it likes.
process.stderr.write("virtio_session_mount: Waiting for vhost-", () => {
  if (mode !== "never") process.stderr.write("user socket connection...\n");
});
if (mode === "ignore-term") process.on("SIGTERM", () => {});
stay();

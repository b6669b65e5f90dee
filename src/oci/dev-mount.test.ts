import { expect, it } from "vitest";
import { withDev } from "./dev-mount.ts";

it("adds one where nothing is mounted on /dev, before all others", () => {
  const pts = { destination: "/dev/pts", type: "devpts" };
  expect(withDev({ mounts: [pts] })["mounts"]).toEqual([
    expect.objectContaining({ destination: "/dev" }),
    pts,
  ]);
  expect(withDev({ ociVersion: "1.0.2" })["mounts"]).toHaveLength(1);
});

it.each(["/dev", "dev", "/dev/", "/x/../dev"])("leaves a mount on %s", (destination) => {
  const config = { mounts: [{ destination, type: "tmpfs" }] };
  expect(withDev(config)).toBe(config);
});

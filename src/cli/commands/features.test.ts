import { expect, it } from "vitest";
import { parseMountOptions } from "../../host/mount-flags.ts";
import { features } from "../../oci/features.ts";

/** Flags of the superblock, which the parser leaves to the file system, and what the runtime does itself. */
const NOT_OF_BINDS = ["acl", "loud", "noacl", "silent", "tmpcopyup"];

it("lists no mount option that a bind mount in a VM would not take", () => {
  const { mountOptions } = features("1.0.0") as { mountOptions: string[] };
  const unknown = mountOptions.filter((option) => parseMountOptions([option]).data !== "");
  expect(unknown).toEqual(NOT_OF_BINDS);
  expect(mountOptions).toEqual([...mountOptions].sort());
});

it("lists the recursive ones, by which docker and Kubernetes decide", () => {
  const { mountOptions } = features("1.0.0") as { mountOptions: string[] };
  const recursive = ["rro", "rrw", "rdev", "rnodev", "rexec", "rnoexec", "rsuid", "rnosuid"];
  expect(mountOptions).toEqual(expect.arrayContaining(recursive));
});

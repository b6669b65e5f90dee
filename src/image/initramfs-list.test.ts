import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readInitramfsList } from "./initramfs-list.ts";

const here = fileURLToPath(import.meta.url);

describe("readInitramfsList", () => {
  it("reads each kind of line, with comments and locations", () => {
    const text =
      "# head\n\ndir /dev 0755 # why\nnod /dev/null 0666 c 1 3\nslink /a b\nfile /init $AGENT 0755\n";
    const entries = readInitramfsList(text, { AGENT: here });
    expect(entries.slice(0, 3)).toEqual([
      { type: "dir", name: "/dev", mode: 0o755 },
      { type: "nod", name: "/dev/null", mode: 0o666, major: 1, minor: 3 },
      { type: "slink", name: "/a", target: "b" },
    ]);
    expect(entries[3]).toEqual({ type: "file", name: "/init", mode: 0o755, data: readFileSync(here) });
  });

  it.each([
    ["dir /dev 0999", /line 1: expected an octal mode, found "0999"/],
    ["\nfile /init $NOTHING 0755", /line 2: no location was given for \$NOTHING/],
    ["pipe /x 0644", /line 1: expected dir, file, slink or nod/],
    ["file /init", /line 1: expected dir, file/],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => readInitramfsList(text, {})).toThrow(message);
  });

  it("reads the guest's own list", () => {
    const list = readFileSync(
      fileURLToPath(new URL("../../guest/image/initramfs.list", import.meta.url)),
      "utf8",
    );
    const entries = readInitramfsList(list, { AGENT: here, CRUN: here });
    expect(entries.map((entry) => entry.name)).toContain("/init");
    // A folder must come before what lies in it: the kernel's unpacker makes no parents.
    const seen = new Set(["/"]);
    for (const { name, type } of entries) {
      expect(seen).toContain(name.slice(0, name.lastIndexOf("/")) || "/");
      if (type === "dir") seen.add(name);
    }
  });
});

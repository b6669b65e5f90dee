import { describe, expect, it } from "vitest";
import { NetworkRig } from "../vm/network-rig.ts";
import { HOST, ROUTER } from "../fixtures/network/lab.ts";
import { flagsOf, VMMS } from "./matrix.ts";

const SERVE = "echo here > /tmp/index.html; httpd -p 80 -h /tmp; exec sleep 1000000";

/** A container with a network, on each VMM; with more than one virtual CPU where the card has more than one queue then. */
describe.each(VMMS)("%s", (_title, vmm) => {
  it("reaches and is reached by a bridge of the host, with both versions", async () => {
    const flags = [...flagsOf(vmm), "--vm-net=tap", "--vm-vcpus=2"];
    await using rig = await NetworkRig.make(...flags);
    const box = await rig.background({ args: ["sh", "-c", SERVE] }, ["--vm-publish=8080:80"]);
    for (const [target, bracketed] of [
      [ROUTER.v4, ROUTER.v4],
      [ROUTER.v6, `[${ROUTER.v6}]`],
    ] as const) {
      expect(await rig.shell(box, `ping -c 2 ${target}`)).toContain("2 packets received");
      const own = target === ROUTER.v4 ? HOST.v4 : HOST.v6;
      expect(await rig.shell(box, `wget -q -O - http://${bracketed}/`)).toBe(`${own}\n`);
    }
    for (const host of ["127.0.0.1", "[::1]", HOST.v4])
      expect(await rig.onHost(`curl -s -m 20 http://${host}:8080/`)).toBe("here\n");
    await rig.runtime.ok(["delete", "--force", box]);
    await expect.poll(() => rig.onHost("ip -o link; nft list tables")).not.toMatch(/ nk0|nano-sandbox/);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parsePublication } from "../../src/network/publication.ts";
import type { Worker } from "./tap-monitor.ts";
import { FAR, HOST, TapRig } from "./tap-rig.ts";

let rig: TapRig;
let monitor: Worker;
beforeEach(() => {
  rig = new TapRig();
  monitor = rig.worker();
});
afterEach(() => rig.close());

async function published(...ports: string[]): Promise<string> {
  await monitor.open("c1", { publish: ports.map(parsePublication) });
  const { netns } = await rig.guest(monitor, "c1");
  await rig.serve(netns, 80);
  return netns;
}

describe("a published port", () => {
  test("leads to the container from everywhere", async () => {
    const netns = await published("8080:80", "8080:80/udp");
    const seen = (from: string, place: string): string => rig.seenBy(from, place);
    // From beyond the host: with the client's own address.
    expect(seen(rig.far, `TCP:${HOST.v4}:8080`)).toBe(FAR.v4);
    expect(seen(rig.far, `UDP:${HOST.v4}:8080`)).toBe(FAR.v4);
    expect(seen(rig.far, `TCP:[${HOST.v6}]:8080`)).toBe(FAR.v6);
    expect(seen(rig.far, `UDP:[${HOST.v6}]:8080`)).toBe(FAR.v6);
    // From the host.
    expect(seen(rig.host, `TCP:${HOST.v4}:8080`)).toBe(HOST.v4);
    expect(seen(rig.host, `TCP:[${HOST.v6}]:8080`)).toBe(HOST.v6);
    expect(seen(rig.host, "TCP:127.0.0.1:8080")).toBe("10.87.0.1");
    expect(seen(rig.host, "UDP:127.0.0.1:8080")).toBe("10.87.0.1");
    // By the socket that holds it.
    expect(seen(rig.host, "TCP:[::1]:8080")).toBe("10.87.0.1");
    expect(seen(rig.host, "UDP:[::1]:8080")).toBe("10.87.0.1");
    // From the container itself, and from another.
    expect(seen(netns, `TCP:${HOST.v4}:8080`)).toBe("10.87.0.1");
    await monitor.open("c2");
    const other = await rig.guest(monitor, "c2");
    expect(seen(other.netns, `TCP:${HOST.v4}:8080`)).toBe("10.87.0.1");
    expect(seen(other.netns, `UDP:${HOST.v4}:8080`)).toBe("10.87.0.1");
    expect(seen(other.netns, "TCP:10.87.0.1:8080")).toBe("10.87.0.1");
    expect(seen(other.netns, `TCP:[${HOST.v6}]:8080`)).toBe("fd6e:6b00:0:1::1");
  });

  test("of one address is that of no other", async () => {
    await published("127.0.0.1:8080:80", `[${HOST.v6}]:8081:80`, "[::1]:8082:80");
    expect(rig.seenBy(rig.host, "TCP:127.0.0.1:8080")).toBe("10.87.0.1");
    expect(rig.seenBy(rig.far, `TCP:[${HOST.v6}]:8081`)).toBe(FAR.v6);
    expect(rig.seenBy(rig.host, "TCP:[::1]:8082")).toBe("10.87.0.1");
    for (const place of [`${HOST.v4}:8080`, `[${HOST.v6}]:8082`, `${HOST.v4}:8081`])
      expect(() => rig.seenBy(rig.far, `TCP:${place},connect-timeout=5`)).toThrow(/Connection refused/);
  });

  test("is free again when the network is closed", async () => {
    await monitor.open("c1", { publish: [parsePublication("8080:80"), parsePublication("8080:80/udp")] });
    await monitor.must({ do: "close", id: "c1" });
    expect(rig.run(rig.host, "ss -Hlntu sport = 8080")).toBe("");
  });
});

describe("the socket that holds a port", () => {
  test("passes on how each side ends, and what is much", async () => {
    const netns = await published("8080:81");
    // It answers when it has read all, so that only a passed end of file brings the sum.
    rig.start(netns, ["socat", "TCP-LISTEN:81,reuseaddr", "SYSTEM:sha256sum"]);
    rig.run(netns, "until ss -Hltn sport = 81 | grep -q .; do sleep 0.05; done");
    const sum = "head -c 20000000 /dev/zero";
    const answer = rig.run(rig.host, `${sum} | socat -t 10 - TCP:[::1]:8080`);
    expect(answer).toBe(rig.run(rig.host, `${sum} | sha256sum`));
  });

  test("resets what leads to nobody, and keeps nothing of it", async () => {
    await published("8080:81");
    expect(rig.run(rig.host, "socat -d -u TCP:[::1]:8080 - 2>&1")).toMatch(/Connection reset/);
    expect(
      rig.run(rig.host, "ss -Htn state connected '( sport = 8080 or dport = 8080 or dport = 81 )'"),
    ).toBe("");
  });
});

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HOST, ROUTER } from "../fixtures/network/lab.ts";
import { NetworkRig } from "./network-rig.ts";

/** The bridge's addresses, where nothing else is said. */
const GATEWAY = { v4: "10.87.0.1", v6: "fd6e:6b00:0:1::1" };

let rig: NetworkRig;
let before: string;
let box: string;
let other: string;

beforeAll(async () => {
  rig = await NetworkRig.make();
  before = await rig.hostState();
  const ports = ["--vm-publish=8080:80", "--vm-publish=127.0.0.1:8081:80", "--vm-publish=8053:53/udp"];
  const serve = "echo here > /tmp/index.html; httpd -p 80 -h /tmp; exec sleep 1000000";
  [box, other] = await Promise.all([
    rig.background({ args: ["sh", "-c", serve] }, ports),
    rig.background({
      args: ["sh", "-c", serve],
      files: { "etc/hosts": "", "etc/resolv.conf": `nameserver ${ROUTER.v4}\n` },
    }),
  ]);
});

afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
});

const address = async (id: string, version: 4 | 6): Promise<string> => {
  const { network } = rig.runtime.record(id).vm ?? {};
  const found = network?.kind === "tap" ? network.addresses : [];
  return (
    found.map((text) => text.split("/")[0] ?? "").find((text) => text.includes(":") === (version === 6)) ?? ""
  );
};

it("reaches the bridge's gateway by ping, the plan's command", async () => {
  for (const target of Object.values(GATEWAY))
    expect(await rig.runtime.ok(["exec", "--exec", `ping -c 3 ${target}`, box])).toContain(
      "3 packets transmitted, 3 packets received",
    );
});

it.each(["v4", "v6"] as const)(
  "reaches servers on the host and behind it, with the host's address: %s",
  async (v) => {
    const bracket = (text: string): string => (text.includes(":") ? `[${text}]` : text);
    for (const target of [HOST[v], ROUTER[v]]) {
      const own = target === HOST[v] ? await address(box, v === "v4" ? 4 : 6) : HOST[v];
      expect(await rig.shell(box, `wget -q -O - http://${bracket(target)}/`)).toBe(`${own}\n`);
      expect(await rig.shell(box, `echo hi | timeout 5 nc -w 2 ${target} 7000`)).toBe(`${own}\nhi\n`);
      expect(await rig.shell(box, `ping -c 1 ${target}`)).toContain("1 packets received");
    }
  },
);

it("reaches another container over the bridge, and its first packet arrives", async () => {
  for (const version of [4, 6] as const) {
    const target = await address(other, version);
    expect(await rig.shell(box, `ping -c 2 ${target}`)).toContain("2 packets received");
  }
  expect(await rig.shell(box, `wget -q -O - http://${await address(other, 4)}/`)).toBe("here\n");
});

it("has published ports, on every address of the host and on that which was named", async () => {
  const get = (url: string): Promise<string> => rig.onHost(`curl -s -m 5 ${url} || echo failed`);
  for (const host of ["127.0.0.1", "[::1]", HOST.v4, `[${HOST.v6}]`])
    expect([host, await get(`http://${host}:8080/`)]).toEqual([host, "here\n"]);
  expect(await get("http://127.0.0.1:8081/")).toBe("here\n");
  expect(await get(`http://${HOST.v4}:8081/`)).toBe("failed\n");
  const outside = ["curl", "-s", "-m", "5", `http://${HOST.v4}:8080/`];
  expect(await rig.lab.run(rig.lab.router, outside)).toBe("here\n");
  expect(await rig.shell(other, `wget -q -O - http://${HOST.v4}:8080/`)).toBe("here\n");
});

it("resolves names by the server that its own resolv.conf has, for both versions", async () => {
  expect(await rig.shell(other, "wget -q -O - http://server.test/")).toBe(`${HOST.v4}\n`);
  expect(await rig.shell(other, "ping -c 1 -6 server.test")).toContain(ROUTER.v6);
});

it("knows its own name", async () => {
  expect(await rig.shell(box, "cat /etc/hosts")).toContain(await address(box, 4));
});

it("shows the network, and a packet of it", async () => {
  const shown = await rig.runtime.ok(["vm-net", box]);
  for (const word of ["nk0", await address(box, 4), "8080:80", "masquerade"]) expect(shown).toContain(word);
});

it("is watched as docs/networking.md says", async () => {
  const text = readFileSync(new URL("../../docs/networking.md", import.meta.url), "utf8");
  const [, script = ""] = /## Watch a packet\n[^`]*```\n([^`]*)```/.exec(text) ?? [];
  const { dir } = await rig.runtime.bundle({ args: ["sleep", "1000000"], capabilities: ["CAP_NET_RAW"] });
  const id = rig.runtime.id();
  const lines = script.replaceAll("/usr/local/share/nano-sandbox/bundle", dir).replace(/\bbox\b/g, id);
  const shell = 'sudo() { "$@"; }; nk-runtime() { "$NK" --root "$ROOT" "$@"; }; set -e;';
  const env = `NK=${rig.runtime.program} ROOT=${rig.runtime.root}`;
  const bash = ["bash", "-c", `export ${env}; ${shell} ${lines}`];
  const said = await rig.lab.run(rig.lab.host, bash);
  expect(said).toContain("3 packets transmitted, 3 packets received");
  expect(said.match(/ICMP echo (?:request|reply)/g)).toHaveLength(4);
});

it("leaves the host as it was when the last VM is gone", async () => {
  await rig.runtime.ok(["delete", "--force", box]);
  expect(await rig.onHost("ip -o link")).toContain("nk0");
  await rig.runtime.ok(["delete", "--force", other]);
  await expect.poll(() => rig.hostState()).toBe(before);
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { putProgram } from "../fixtures/network/guest-ip.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { Runtime } from "./runtime.ts";
import { findVictim } from "./victims.ts";

/** Ports of a pod, which are forwarded by who connects to the loopback device of its network namespace. */
let lab: NetworkLab;
let runtime: Runtime;
let namespace: string;
let bundle: string;
let id: string;

/** One server for each version, one that says all back, one that says much to who reads nothing, while it listens. */
const SERVE = `
echo here > /tmp/index.html
httpd -p 127.0.0.1:8080 -h /tmp
socat TCP6-LISTEN:8086,bind=[::1],fork,backlog=64 'SYSTEM:echo six' &
socat -t 20 TCP4-LISTEN:7,fork,backlog=64 EXEC:/bin/cat &
socat TCP4-LISTEN:19,fork 'SYSTEM:exec 3<&0; cat <&3 >/tmp/said & head -c 16777216 /dev/zero; wait' &
exec sleep 1000000`;

const onHost = (line: string): Promise<string> =>
  lab.run(lab.host, ["nsenter", `--net=/run/netns/${namespace}`, "sh", "-c", line]);
const tables = async (): Promise<string> =>
  (await onHost("nft list tables")).replace(/^table .* filter$/m, "");

beforeAll(async () => {
  lab = await NetworkLab.make();
  namespace = `${lab.host}-pod`;
  const lines = [
    `netns add ${namespace}`,
    `-n ${namespace} link set lo up`,
    `-n ${namespace} link add eth0 type veth peer name peer0`,
    `-n ${namespace} addr add 172.31.0.2/16 dev eth0`,
    `-n ${namespace} link set eth0 up`,
  ];
  for (const line of lines) await lab.run(lab.host, ["ip", ...line.split(" ")]);
  runtime = new Runtime();
  runtime.launcher = lab.inside(lab.host);
  runtime.settings = undefined;
  const made = await runtime.bundle({
    args: ["sh", "-c", SERVE],
    capabilities: ["CAP_NET_BIND_SERVICE"],
    linux: {
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", path: `/run/netns/${namespace}` },
      ],
    },
  });
  await putProgram(made.rootfs, "socat");
  await made.edit((config) => {
    config["annotations"] = { "io.kubernetes.cri.container-type": "sandbox" };
  });
  bundle = made.dir;
});

afterAll(async () => {
  const left = await runtime.close();
  await lab.run(lab.host, ["ip", "netns", "del", namespace]).catch(() => {});
  await lab.close();
  expect(left).toEqual([]);
});

/** With all its servers there. */
beforeEach(async () => {
  id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", "--bundle", bundle, id]);
  const get = "curl -s -m 5 http://127.0.0.1:8080/ || true";
  await expect.poll(() => onHost(get), { timeout: 20_000 }).toBe("here\n");
  const listening = (): Promise<string> => runtime.ok(["exec", id, "netstat", "-ltn"]);
  for (const port of [8086, 7, 19]) await expect.poll(listening, { timeout: 20_000 }).toContain(`:${port} `);
});

afterEach(async () => {
  await runtime.call(["delete", "--force", id]);
  expect(await tables()).not.toContain("nk-ports");
});

it("are those of the guest's loopback device, by both versions", async () => {
  expect(await onHost("socat -u 'TCP6:[::1]:8086' -")).toBe("six\n");
  // Who asks for one version gets what listens at the other one, too: the client has chosen before anybody was asked.
  expect(await onHost("socat -u TCP4:127.0.0.1:8086 -")).toBe("six\n");
  const many =
    "seq 40 | xargs -P 40 -I{} sh -c 'echo {} | socat -t 20 - TCP4:127.0.0.1:7' | sort -n | tr '\n' ' '";
  expect(await onHost(many)).toBe(`${Array.from({ length: 40 }, (_, index) => index + 1).join(" ")} `);
  const bytes =
    "head -c 4194304 /dev/urandom > /tmp/$$; socat -t 60 - TCP4:127.0.0.1:7 < /tmp/$$ | cmp - /tmp/$$; rm /tmp/$$";
  expect(await onHost(bytes)).toBe("");
});

it("are told apart: where nobody listens the connection ends, and a reader that stands still keeps no writer", async () => {
  expect(await onHost("socat -u TCP4:127.0.0.1:9999 - || true")).toBe("");
  // Nobody reads what the server says, which is more than all in between holds.
  const client = "exec 3<>/dev/tcp/127.0.0.1/19; echo word >&3; echo ready; exec sleep 1000";
  await lab.serve(lab.host, ["nsenter", `--net=/run/netns/${namespace}`, "bash", "-c", client]);
  await expect.poll(() => runtime.ok(["exec", id, "cat", "/tmp/said"])).toBe("word\n");
});

it("go with a monitor that was killed", async () => {
  expect(await tables()).toContain("nk-ports");
  process.kill(await findVictim(runtime.root, "monitor"), "SIGKILL");
});

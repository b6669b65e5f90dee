import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DOCKER_ANSWER, DockerResolver, PRIVATE_PORT } from "../fixtures/network/docker-resolver.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { Runtime } from "./runtime.ts";

/** The address of server.test, asked for by TCP: the message behind its length, the answer's last bytes. */
const BY_TCP =
  "printf '\\000\\035\\022\\064\\001\\000\\000\\001\\000\\000\\000\\000\\000\\000\\006server\\004test\\000\\000\\001\\000\\001' | " +
  "nc -w 5 127.0.0.11 53 | tail -c 4 | od -An -tu1 | tr -s ' ' .";

let lab: NetworkLab;
let runtime: Runtime;
let namespace: string;
let docker: DockerResolver;
let bundle: string;
let box: string;

async function lines(script: string): Promise<void> {
  for (const line of script.trim().split("\n")) await lab.run(lab.host, ["sh", "-c", line]);
}

const shell = (line: string): Promise<string> => runtime.ok(["exec", box, "sh", "-c", line]);

async function expectNames(): Promise<void> {
  expect(await shell("nslookup server.test")).toContain(DOCKER_ANSWER);
  expect(await shell(BY_TCP)).toBe(`.${DOCKER_ANSWER}\n`);
}

/** The bundle is as Docker makes it: a namespace with an interface and a resolver, and a resolv.conf that names that. */
beforeAll(async () => {
  lab = await NetworkLab.make();
  namespace = `${lab.host}-ns`;
  await lines(`
ip netns add ${namespace}
ip -n ${namespace} link set lo up
ip -n ${namespace} link add eth0 type veth peer name peer0 netns ${lab.router}
ip -n ${lab.router} addr add 172.30.0.1/16 dev peer0
ip -n ${lab.router} link set peer0 up
ip -n ${namespace} addr add 172.30.0.2/16 dev eth0
ip -n ${namespace} link set eth0 up
ip -n ${namespace} route add default via 172.30.0.1
`);
  docker = await DockerResolver.start(namespace);
  runtime = new Runtime();
  runtime.launcher = lab.inside(lab.host);
  runtime.settings = undefined;
  const made = await runtime.bundle({
    args: ["sleep", "1000000"],
    capabilities: ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"],
    linux: {
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", path: `/run/netns/${namespace}` },
      ],
    },
  });
  bundle = made.dir;
  const source = join(bundle, "resolv.conf");
  await writeFile(source, "nameserver 127.0.0.11\noptions ndots:0\n");
  await made.edit((config) => {
    const mount = { destination: "/etc/resolv.conf", type: "bind", source, options: ["rbind", "ro"] };
    config["mounts"] = [...(config["mounts"] as object[]), mount];
  });
  box = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", "--vm-net=auto", "--bundle", bundle, box]);
});

afterAll(async () => {
  const left = await runtime.close();
  await docker.close();
  await lab.run(lab.host, ["ip", "netns", "del", namespace]).catch(() => {});
  await lab.close();
  expect(left).toEqual([]);
});

describe("a resolver at the loopback of the container's namespace", () => {
  it("answers the guest, by UDP and TCP", expectNames);

  it("is all of that loopback that the guest reaches", async () => {
    const read = (address: string, port: string | number): string =>
      `nc -w 2 ${address} ${port} </dev/null || echo refused`;
    expect(await shell(read("127.0.0.1", PRIVATE_PORT))).toBe("refused\n");
    expect(await shell(read("127.0.0.11", PRIVATE_PORT))).toBe("refused\n");
    expect(await shell(read("127.0.0.11", docker.ports.tcp))).toBe("refused\n");
    expect(await shell("ping -c 1 172.30.0.1")).toContain("1 packets received");
  });

  it("leaves port 53 and 127.0.0.1 to servers of the container", async () => {
    await shell("echo mine >/tmp/page && httpd -p 53 -h /tmp");
    expect(await shell("wget -qO- http://127.0.0.1:53/page")).toBe("mine\n");
    await expectNames();
  });

  it("is shown with the interface to it", async () => {
    expect(await runtime.ok(["vm-net", box])).toContain("nkdns0");
  });

  it("leaves nothing when the container is deleted", async () => {
    await runtime.ok(["delete", "--force", box]);
    expect(await lab.run(namespace, ["ip", "-o", "link"])).not.toMatch(/nktap|nkdns/);
  });

  it("leaves nothing when the monitor is killed, either", async () => {
    await runtime.detached(["run", "-d", "--mode=vm", "--vm-net=auto", "--bundle", bundle, box]);
    await expectNames();
    process.kill(runtime.record(box).vm?.monitorPid ?? Number.NaN, "SIGKILL");
    const links = (): Promise<string> => lab.run(namespace, ["ip", "-o", "link"]);
    await expect.poll(links, { timeout: 10_000 }).not.toMatch(/nktap|nkdns/);
    await runtime.ok(["delete", "--force", box]);
  });

  it("answers a VM that has waited, too", async () => {
    await runtime.ok(["vm-pool", "start", "--size=1"]);
    try {
      await runtime.detached(["run", "-d", "--mode=vm", "--vm-start=pool", "--bundle", bundle, box]);
    } finally {
      await runtime.ok(["vm-pool", "stop"]);
    }
    await expectNames();
    await runtime.ok(["delete", "--force", box]);
    await runtime.ok(["vm-pool", "stop"]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTER } from "../fixtures/network/lab.ts";
import { Podman, type Backend } from "./podman.ts";

const SERVE = "echo here > /tmp/index.html; httpd -p 80 -h /tmp; exec sleep 1000000";

/** The image has none. */
const ENV = [{ name: "PATH", value: "/bin:/sbin" }];

const MANIFEST = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "pod" },
  spec: {
    containers: [
      {
        name: "web",
        image: "localhost/box",
        command: ["sh", "-c", SERVE],
        env: ENV,
        resources: { limits: { memory: "64Mi" } },
      },
      { name: "client", image: "localhost/box", command: ["sleep", "1000000"], env: ENV },
    ],
  },
});

describe.each<Backend>(["netavark", "cni"])("podman with %s", (backend) => {
  let podman: Podman;
  let network: string;

  beforeAll(async () => {
    podman = await Podman.make(backend);
    network = await podman.network("one");
    await podman.run("web", ["--network", network, "-p", "8080:80"], SERVE);
    await podman.run("client", ["--network", network]);
  });
  afterAll(() => podman[Symbol.asyncDispose]());

  it("publishes a port on localhost", async () => {
    const { lab } = podman;
    expect(await lab.run(lab.host, ["curl", "-s", "-m", "10", "http://127.0.0.1:8080/"])).toBe("here\n");
  });

  it("has containers of one network find each other by name", async () => {
    expect(await podman.shell("client", "wget -q -O - http://web/")).toBe("here\n");
    expect(await podman.shell("client", "ping -c 1 web")).toContain("1 packets received");
  });

  it("reaches what is behind the host, with the host's address", async () => {
    expect(await podman.shell("client", `wget -q -O - http://${ROUTER.v4}/`)).toBe("203.0.113.2\n");
  });

  it("connects a container that runs to one more network, and takes it off again", async () => {
    const second = await podman.network("two");
    await podman.ok("network", "connect", second, "client");
    await expect.poll(() => podman.shell("client", "ip -o link")).toContain("eth1");
    await podman.run("far", ["--network", second], SERVE);
    expect(await podman.shell("client", "wget -q -O - http://far/")).toBe("here\n");
    await podman.ok("network", "disconnect", second, "client");
    await expect.poll(() => podman.shell("client", "ip -o link")).not.toContain("eth1");
    expect(await podman.shell("client", "wget -q -O - http://web/")).toBe("here\n");
  });

  it("gives a container without a network none", async () => {
    const addresses = await podman.ok("run", "--rm", "--network=none", "box", "ip", "-o", "addr");
    for (const line of addresses.trim().split("\n")) expect(line).toContain(" lo ");
  });

  it("refuses the host's network with what can be had instead", async () => {
    const { code, stderr } = await podman.call("run", "--rm", "--network=host", "box", "true");
    expect(code).toBe(126);
    expect(stderr).toContain("--vm-net=tap");
  });

  it("takes a container that names another one's network into its VM", async () => {
    const flags = ["run", "--rm", "--network=container:web", "box"];
    expect(await podman.ok(...flags, "wget", "-q", "-O", "-", "http://127.0.0.1/")).toBe("here\n");
    expect(await podman.shell("client", "wget -q -O - http://web/")).toBe("here\n");
  });
});

const BOOT_ID = "cat /proc/sys/kernel/random/boot_id";

describe("a pod of podman", () => {
  it("is one VM with one network, and its published port leads to any of its containers", async () => {
    await using podman = await Podman.make("netavark");
    const { lab } = podman;
    await podman.ok("pod", "create", "--name", "pod", "-p", "8080:80");
    await podman.run("first", ["--pod", "pod"]);
    await podman.run("second", ["--pod", "pod"], SERVE);
    expect(await podman.shell("second", BOOT_ID)).toBe(await podman.shell("first", BOOT_ID));
    expect(await podman.shell("first", "wget -q -O - http://127.0.0.1/")).toBe("here\n");
    expect(await lab.run(lab.host, ["curl", "-s", "-m", "10", "http://127.0.0.1:8080/"])).toBe("here\n");
    await podman.ok("pod", "stop", "-t", "0", "pod");
    await podman.ok("pod", "start", "pod");
    expect(await podman.shell("first", "wget -q -O - http://127.0.0.1/")).toBe("here\n");
    await podman.ok("pod", "rm", "--force", "-t", "0", "pod");
    expect(await podman.ok("ps", "--all", "--quiet")).toBe("");
  });

  it("has a VM for each container where it shares nothing", async () => {
    await using podman = await Podman.make("netavark");
    await podman.ok("pod", "create", "--name", "pod", "--infra=false");
    await podman.run("first", ["--pod", "pod"], SERVE);
    await podman.run("second", ["--pod", "pod"]);
    expect(await podman.shell("second", BOOT_ID)).not.toBe(await podman.shell("first", BOOT_ID));
    expect(await podman.shell("first", "wget -q -O - http://127.0.0.1/")).toBe("here\n");
  });
});

describe("a pod that podman makes of a Kubernetes manifest", () => {
  it("runs, shares localhost, and is taken down", async () => {
    await using podman = await Podman.make("netavark");
    const manifest = podman.file("pod.yaml", MANIFEST);
    await podman.ok("play", "kube", manifest);
    expect(await podman.shell("pod-client", "wget -q -O - http://127.0.0.1/")).toBe("here\n");
    expect(await podman.shell("pod-client", "hostname")).toBe("pod\n");
    await podman.ok("play", "kube", "--down", manifest);
    expect(await podman.ok("ps", "--all", "--quiet")).toBe("");
  });
});

describe("podman, where the administrator has set vm.net", () => {
  it("gives a container that wants the host's network one of its own", async () => {
    await using podman = await Podman.make("netavark", { settings: { mode: "vm", vm: { net: "tap" } } });
    const page = await podman.ok(
      "run",
      "--rm",
      "--network=host",
      "box",
      "wget",
      "-q",
      "-O",
      "-",
      `http://${ROUTER.v4}/`,
    );
    expect(page).toBe("203.0.113.2\n");
  });
});

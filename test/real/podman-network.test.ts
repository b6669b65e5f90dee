import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTER } from "../fixtures/network/lab.ts";
import { Podman, type Backend } from "./podman.ts";

const SERVE = "echo here > /tmp/index.html; httpd -p 80 -h /tmp; exec sleep 1000000";

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

  it("does not cut off a container whose network another one names", async () => {
    const { code, stderr } = await podman.call("run", "--rm", "--network=container:web", "box", "true");
    expect(code).not.toBe(0);
    expect(stderr).toContain("would be cut off");
    expect(await podman.shell("client", "wget -q -O - http://web/")).toBe("here\n");
  });
});

describe("a pod of podman", () => {
  it("has one VM, and refuses a second by its reason", async () => {
    await using podman = await Podman.make("netavark");
    await podman.ok("pod", "create", "--name", "pod", "--infra=false");
    await podman.run("first", ["--pod", "pod"], SERVE);
    expect(await podman.shell("first", "wget -q -O - http://127.0.0.1/")).toBe("here\n");
  });
});

describe("podman, where the administrator has set vm.net", () => {
  it("gives a container that wants the host's network one of its own", async () => {
    await using podman = await Podman.make("netavark", { vm: { net: "tap" } });
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

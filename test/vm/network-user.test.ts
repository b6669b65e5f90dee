import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { putProgram } from "../fixtures/network/guest-ip.ts";
import { HOST, ROUTER } from "../fixtures/network/lab.ts";
import { findPasst } from "../../src/vm/qemu/user-card.ts";
import { NetworkRig } from "./network-rig.ts";
import { processesOf } from "./victims.ts";

/**
 * In the container: a server of TCP that says a word, one with room for many clients that wait, and one of UDP that says it back. Of a server without room
 * (httpd has it for 9) QEMU's own network loses a client now and then.
 */
const SERVE = `
echo here > /tmp/index.html
httpd -p 80 -h /tmp
socat TCP4-LISTEN:82,fork,backlog=128 'SYSTEM:read line; echo HTTP/1.0 200 OK; echo; echo here' &
socat UDP6-RECVFROM:7001,fork,ipv6only=0 EXEC:/bin/cat &
exec sleep 1000000`;
const PORTS = ["8080:80", "127.0.0.1:8081:80", "8082:82", "8053:7001/udp"].map(
  (port) => `--vm-publish=${port}`,
);
/** On the host: a resolver at its loopback address, which asks that of the router. Says so when it listens. */
const RESOLVER = `exec socat -d -d UDP4-RECVFROM:53,bind=127.0.0.1,fork UDP4:${ROUTER.v4}:53 2>&1`;
/** Where the network's own program is the gateway, its resolver, and what the host has at its loopback address. */
const GATEWAY = "10.0.2.2";

/** In a mount namespace where the host's resolver is at its loopback address, and passt is there or not. */
function mounts(resolvConf: string, backend: "passt" | "slirp"): string[] {
  const hide = backend === "slirp" && passt !== undefined ? `mount --bind /dev/null ${passt} &&` : "";
  const script = `mount --bind ${resolvConf} $(readlink -f /etc/resolv.conf) && ${hide} exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, "sh"];
}

const passt = await findPasst();

const BACKENDS = [
  ["passt", passt === undefined ? " (not tried: no passt of August 2024 or later)" : ""],
  ["slirp", ""],
] as const;

describe.each(BACKENDS)("a network in a program, %s%s", (backend, obstacle) => {
  describe.skipIf(obstacle !== "")("in a VM", () => {
    let rig: NetworkRig;
    let folder: string;
    let rootfs: string;
    let dir: string;
    let box: string;

    const tcp = (target: string, port = 7000): Promise<string> =>
      rig.shell(box, `echo hi | timeout 5 nc -w 2 ${target} ${port} || echo failed`);
    const get = (url: string): string => `curl -s -m 5 ${url} || echo failed`;
    const udp = (target: string): string => `echo hi | socat -t 2 - UDP:${target}`;
    const outside = (line: string): Promise<string> => rig.lab.run(rig.lab.router, ["sh", "-c", line]);
    const passts = (): number[] =>
      processesOf(rig.runtime.root)
        .filter(({ name, argv }) => name !== "nk-guard" && argv.includes("--map-host-loopback"))
        .map(({ pid }) => pid);

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "nk-user-"));
      const resolvConf = join(folder, "resolv.conf");
      writeFileSync(resolvConf, "nameserver 127.0.0.1\nsearch test\n");
      rig = await NetworkRig.make("--vm-net=user");
      await rig.lab.serve(rig.lab.host, ["sh", "-c", RESOLVER]);
      rig.runtime.launcher = [...rig.lab.inside(rig.lab.host), ...mounts(resolvConf, backend)];
      const files = { "etc/hosts": "", "etc/resolv.conf": "" };
      ({ dir, rootfs } = await rig.runtime.bundle({ args: ["sh", "-c", SERVE], files }));
      await putProgram(rootfs, "socat");
      box = rig.runtime.id();
      await rig.runtime.detached(["run", "-d", "--mode=vm", "--vm-net=user", ...PORTS, "--bundle", dir, box]);
      for (const port of [8080, 8082])
        await rig.onHost(`curl -s --retry 20 --retry-all-errors --retry-delay 1 http://127.0.0.1:${port}/`);
    });

    afterAll(async () => {
      await rig[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    it("reaches servers on the host and behind it, with the host's address", async () => {
      for (const version of ["v4", "v6"] as const)
        for (const target of [HOST[version], ROUTER[version]])
          expect([target, await tcp(target)]).toEqual([target, `${HOST[version]}\nhi\n`]);
      for (const server of [ROUTER.v4, ROUTER.v6])
        expect(await rig.shell(box, `nslookup server.test ${server}`)).toContain(ROUTER.v6);
    });

    it("asks the resolver of the host, and knows its own name", async () => {
      expect(await rig.shell(box, "cat /etc/resolv.conf")).toBe("nameserver 10.0.2.3\nsearch test\n");
      expect(await rig.shell(box, "nslookup server.test")).toContain(ROUTER.v6);
      expect(await rig.shell(box, "cat /etc/hosts")).toContain("10.0.2.15\tnk-test\n");
    });

    it("has published ports", async () => {
      for (const host of ["127.0.0.1", HOST.v4])
        expect([host, await rig.onHost(get(`http://${host}:8080/`))]).toEqual([host, "here\n"]);
      expect(await rig.onHost(get("http://127.0.0.1:8081/"))).toBe("here\n");
      expect(await rig.onHost(get(`http://${HOST.v4}:8081/`))).toBe("failed\n");
      expect(await outside(get(`http://${HOST.v4}:8080/`))).toBe("here\n");
      // QEMU's own network has no ports of IPv6, and none of UDP for the loopback address when others have used it.
      if (backend === "passt") expect(await outside(get(`http://[${HOST.v6}]:8080/`))).toBe("here\n");
      expect(await rig.onHost(udp("127.0.0.1:8053"))).toBe("hi\n");
      expect(await outside(udp(`${HOST.v4}:8053`))).toBe("hi\n");
    });

    it("has a port that takes many clients at once", async () => {
      const sizes = (await rig.onHost("ss -H -ltn sport = :8082 | tr -s ' ' | cut -d' ' -f3")).trim();
      for (const size of sizes.split("\n")) expect(Number(size)).toBeGreaterThanOrEqual(128);
      const many = `seq 40 | xargs -P 40 -I{} curl -s -m 60 http://127.0.0.1:8082/ | sort | uniq -c`;
      expect((await rig.onHost(many)).trim()).toBe("40 here");
    });

    it("reaches what the host has at its loopback address by QEMU's own network alone", async () => {
      expect(await tcp(GATEWAY)).toBe(backend === "slirp" ? "127.0.0.1\nhi\n" : "failed\n");
    });

    it("refuses a port that is taken, in a line", async () => {
      const port = `--vm-publish=${HOST.v4}:7000:80`;
      const { code, stderr } = await rig.runtime.runAgain(dir, [port]);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/^.*cannot publish 203\.0\.113\.2:7000:80: port 7000\/tcp of .* is in use.*\n$/);
    });

    it("is what auto takes where no tap can be made", async () => {
      const { launcher } = rig.runtime;
      const lacking = 'mount -t tmpfs none /dev/net && exec "$@"';
      rig.runtime.launcher = [...launcher, "sh", "-c", lacking, "sh"];
      const id = rig.runtime.id();
      await rig.runtime.detached(["run", "-d", "--mode=vm", "--bundle", dir, id]);
      rig.runtime.launcher = launcher;
      expect(rig.runtime.record(id).vm?.network).toEqual({ kind: "user", publish: [] });
      expect(await rig.shell(id, "cat /proc/net/route")).toContain("eth0");
      await rig.runtime.ok(["delete", "--force", id]);
    });

    it("is had by a VM that has waited, with ports", async () => {
      await rig.runtime.ok(["vm-pool", "start", "--size=1", "--vm-net=user"]);
      const pooled = rig.runtime.id();
      const flags = ["--mode=vm", "--vm-net=user", "--vm-start=pool", "--vm-publish=8090:80"];
      await rig.runtime.detached(["run", "-d", ...flags, "--bundle", dir, pooled]);
      await expect.poll(() => rig.onHost(get("http://127.0.0.1:8090/"))).toBe("here\n");
      await rig.runtime.ok(["delete", "--force", pooled]);
      expect(await rig.onHost(get("http://127.0.0.1:8090/"))).toBe("failed\n");
      await rig.runtime.ok(["vm-pool", "stop"]);
      expect(passts()).toHaveLength(backend === "passt" ? 1 : 0);
    });

    it.skipIf(backend === "slirp")(
      "goes on without a network when its program is killed, and says so",
      async () => {
        for (const pid of passts()) process.kill(pid, "SIGKILL");
        const log = (): string => readFileSync(join(rig.runtime.root, box, "monitor.log"), "utf8");
        await expect
          .poll(log, { timeout: 10_000 })
          .toBe(`${box} has no network any more: passt was killed by SIGKILL\n`);
        expect(await tcp(ROUTER.v4)).toBe("failed\n");
        expect(await rig.onHost(get("http://127.0.0.1:8080/"))).toBe("failed\n");
      },
    );
  });
});

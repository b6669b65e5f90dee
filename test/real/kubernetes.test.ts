import { existsSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listHierarchies } from "../../src/host/cgroup.ts";
import { ROUTER } from "../fixtures/network/lab.ts";
import { Containerd, IMAGE } from "./containerd.ts";
import { Cri } from "./cri.ts";

/** A pod as a kubelet has it made, by containerd's CRI: with runc, and with this runtime in both modes. */

const MIB = 1024 * 1024;
/** ContainerState of the interface. */
const EXITED = 2;

let containerd: Containerd;
let cri: Cri;

beforeAll(async () => {
  containerd = await Containerd.make();
  cri = new Cri(containerd.socket);
});

afterAll(async () => {
  cri[Symbol.dispose]();
  await containerd[Symbol.asyncDispose]();
});

class Pod implements AsyncDisposable {
  readonly config: Record<string, unknown>;
  id = "";

  private readonly cgroup: string;

  constructor(name: string) {
    this.cgroup = `/nk-test-${process.pid}-${name}`;
    this.config = {
      metadata: { name, uid: `uid-${name}`, namespace: "default" },
      hostname: "the-pod",
      log_directory: `${containerd.folder}/logs-${name}`,
      linux: {
        cgroup_parent: this.cgroup,
        resources: { memory_limit_in_bytes: 700 * MIB, cpu_quota: 150_000, cpu_period: 100_000 },
      },
    };
  }

  async run(handler: string): Promise<void> {
    const answer = await cri.call("RunPodSandbox", { config: this.config, runtime_handler: handler });
    this.id = String(answer["pod_sandbox_id"]);
  }

  /** A container that runs; its id. */
  async add(name: string, line: string, resources: Record<string, number> = {}): Promise<string> {
    const config = {
      metadata: { name },
      image: { image: IMAGE },
      command: ["sh", "-c", line],
      log_path: `${name}.log`,
      linux: { resources },
    };
    const made = await cri.call("CreateContainer", {
      pod_sandbox_id: this.id,
      config,
      sandbox_config: this.config,
    });
    const id = String(made["container_id"]);
    await cri.call("StartContainer", { container_id: id });
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.id === "") return;
    await cri.call("StopPodSandbox", { pod_sandbox_id: this.id });
    await cri.call("RemovePodSandbox", { pod_sandbox_id: this.id });
    // A kubelet has made the pod's folder itself.
    const places = listHierarchies().map(({ mountPoint }) => join(mountPoint, this.cgroup));
    for (const place of places.filter((path) => existsSync(path))) rmdirSync(place);
  }
}

const SERVE = "mkdir /www; echo here > /www/index.html; exec httpd -f -p 80 -h /www";
const WAIT = "trap exit TERM; while :; do sleep 1; done";

const out = async (id: string, ...cmd: string[]): Promise<string> => (await cri.exec(id, ...cmd)).stdout;

const FORWARD = fileURLToPath(new URL("forward-port.mjs", import.meta.url));

/** What a server of the pod says, by a port that is forwarded from the host. */
async function forwarded(pod: Pod, port: number, text: string): Promise<string> {
  const { url } = await cri.call("PortForward", { pod_sandbox_id: pod.id, port: [port] });
  const { lab } = containerd;
  return lab.run(lab.host, [process.execPath, FORWARD, String(url), String(port), text]);
}

async function statusOf(id: string): Promise<Record<string, unknown>> {
  return (await cri.call("ContainerStatus", { container_id: id }))["status"] as Record<string, unknown>;
}

describe.each(["runc", "nk", "nk-vm"])("a pod, by the runtime %s", (handler) => {
  it("has containers that share localhost, host name and network, and are stopped and removed", async () => {
    await using pod = new Pod(handler);
    await pod.run(handler);
    const web = await pod.add("web", SERVE);
    const client = await pod.add("client", WAIT, { memory_limit_in_bytes: 64 * MIB });
    await expect.poll(() => out(client, "wget", "-q", "-O", "-", "http://127.0.0.1/")).toBe("here\n");
    expect(await out(client, "hostname")).toBe("the-pod\n");
    expect(await out(client, "wget", "-q", "-O", "-", `http://${ROUTER.v4}/`)).toBe("203.0.113.2\n");
    expect(await out(web, "ip", "-o", "-4", "addr", "show", "dev", "eth0")).toBe(
      await out(client, "ip", "-o", "-4", "addr", "show", "dev", "eth0"),
    );
    expect(await cri.exec(client, "sh", "-c", "echo oops >&2; exit 3")).toEqual({
      code: 3,
      stdout: "",
      stderr: "oops\n",
    });
    expect(await forwarded(pod, 80, "GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.. 200 OK\r\n[^]*here\n$/);
    const { stats } = await cri.call("ContainerStats", { container_id: client });
    expect(stats).toMatchObject({ memory: { working_set_bytes: { value: expect.any(Number) as unknown } } });
    await cri.call("StopContainer", { container_id: client, timeout: 20 });
    expect(await statusOf(client)).toMatchObject({ state: EXITED, exit_code: 0 });
    await cri.call("RemoveContainer", { container_id: client });
    expect(await out(web, "echo", "on")).toBe("on\n");
  });

  it("shows a missing program as the container's failure, and goes on", async () => {
    await using pod = new Pod(`${handler}-bad`);
    await pod.run(handler);
    const config = {
      metadata: { name: "bad" },
      image: { image: IMAGE },
      command: ["nowhere"],
      log_path: "bad.log",
    };
    const made = await cri.call("CreateContainer", {
      pod_sandbox_id: pod.id,
      config,
      sandbox_config: pod.config,
    });
    const start = cri.call("StartContainer", { container_id: made["container_id"] });
    await expect(start).rejects.toThrow(/exec: \\?"nowhere\\?": executable file not found in \$PATH/);
    expect(await out(await pod.add("good", WAIT), "echo", "on")).toBe("on\n");
  });
});

describe("a pod in a VM", () => {
  it("is one VM, as large as the pod may be", async () => {
    await using pod = new Pod("vm");
    await pod.run("nk-vm");
    const [one, two] = [await pod.add("one", WAIT), await pod.add("two", WAIT)];
    const bootId = ["cat", "/proc/sys/kernel/random/boot_id"];
    expect(await out(one, ...bootId)).toBe(await out(two, ...bootId));
    const totalKib = Number(/MemTotal:\s+(\d+)/.exec(await out(one, "cat", "/proc/meminfo"))?.[1]);
    expect(totalKib).toBeGreaterThan(700 * 1024);
    expect(await out(one, "nproc")).toBe("2\n");
  });

  it("shows that a container was ended for its memory", async () => {
    await using pod = new Pod("oom");
    await pod.run("nk-vm");
    const eater = await pod.add("eater", "exec tail -f /dev/zero", { memory_limit_in_bytes: 32 * MIB });
    await expect.poll(async () => (await statusOf(eater))["state"], { timeout: 60_000 }).toBe(EXITED);
    expect(await statusOf(eater)).toMatchObject({ exit_code: 137, reason: "OOMKilled" });
  });
});

import { describe, expect, it } from "vitest";
import { ENGINES } from "./engines.ts";
import type { Runtimes } from "./engine.ts";

const RUNTIMES: Runtimes = {
  container: { name: "nk-runtime", path: "/opt/bin/nk-runtime" },
  vm: { name: "nk-runtime-vm", path: "/opt/bin/nk-runtime-vm" },
};

const configure = (name: string, current?: string, version = "1.6.20"): string =>
  ENGINES[name]?.configure(RUNTIMES, current, version) ?? "";

const DAEMON_JSON = `{ "data-root": "/srv/docker", "runtimes": { "runsc": { "path": "/usr/bin/runsc" } } }`;
const CONFIG_TOML = `version = 2
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"`;

it.each([
  ["podman", undefined],
  ["containerd", undefined],
  ["containerd", CONFIG_TOML],
  ["docker", undefined],
  ["docker", DAEMON_JSON],
  ["buildah", undefined],
])("what %s has afterwards is what it gets the next time (%#)", (name, current) => {
  const once = configure(name, current);
  expect(configure(name, once)).toBe(once);
});

describe("podman", () => {
  it("gets both runtimes by name, and keeps its own in the lists", () => {
    const text = configure("podman");
    expect(text).toContain('nk-runtime-vm = ["/opt/bin/nk-runtime-vm"]');
    expect(text).toMatch(/runtime_supports_json = \["crun", .*"krun", "nk-runtime", "nk-runtime-vm"\]/);
    expect(text).toMatch(/runtime_supports_kvm = \["kata", .*"nk-runtime-vm"\]/);
  });
});

describe("podman of a user", () => {
  it("has a file of the user's, and ports that reach a VM", () => {
    const { file, configure: of } = ENGINES["podman"]?.ofUser ?? {};
    expect(file).toMatch(/^\/.*\/containers\/containers\.conf\.d\/50-nano-sandbox\.conf$/);
    expect(file).not.toMatch(/^\/etc/);
    const text = of?.(RUNTIMES, undefined, "") ?? "";
    expect(text).toBe(
      configure("podman").replace(
        "[engine]\n",
        '[engine]\nnetwork_cmd_options = ["port_handler=slirp4netns"]\n',
      ),
    );
  });
});

describe("docker", () => {
  it("keeps what daemon.json has", () => {
    expect(JSON.parse(configure("docker", DAEMON_JSON))).toEqual({
      "data-root": "/srv/docker",
      runtimes: {
        runsc: { path: "/usr/bin/runsc" },
        "nk-runtime": { path: "/opt/bin/nk-runtime" },
        "nk-runtime-vm": { path: "/opt/bin/nk-runtime-vm" },
      },
    });
  });

  it.each([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["runtimes of another kind", '{"runtimes":[]}'],
  ])("is left alone where daemon.json is %s", (_, current) => {
    expect(() => configure("docker", current)).toThrow("/etc/docker/daemon.json");
  });
});

describe("containerd", () => {
  it("keeps its file, and has our part at the end, or where it was", () => {
    const first = configure("containerd", CONFIG_TOML);
    expect(first.startsWith(`${CONFIG_TOML}\n\n# nano-sandbox begin`)).toBe(true);
    expect(first).toContain(
      '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nk-runtime-vm.options]',
    );
    const moved = `${first}\n[debug]\nlevel = "info"\n`.replaceAll("/opt/bin/", "/elsewhere/");
    expect(configure("containerd", moved)).toBe(`${first}\n[debug]\nlevel = "info"\n`);
  });

  it("has its runtimes elsewhere in version 3, which containerd 2 begins with", () => {
    expect(configure("containerd", undefined, "2.1.4")).toMatch(
      /^version = 3\n[^]*io\.containerd\.cri\.v1\.runtime/,
    );
    expect(configure("containerd", undefined, "1.7.1")).toMatch(
      /^version = 2\n[^]*io\.containerd\.grpc\.v1\.cri/,
    );
    expect(configure("containerd", "version = 3\n", "2.0.0")).toContain("io.containerd.cri.v1.runtime");
  });

  it("is left alone where its file is of version 1", () => {
    expect(() => configure("containerd", "[debug]\n")).toThrow("expected version 2 or 3, found 1");
  });
});

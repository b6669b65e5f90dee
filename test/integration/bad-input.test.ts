import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dir, refused, runtime, useRefusals } from "./refusal-rig.ts";

/** What is wrong before a VM is started, or in container mode. What needs a VM to go wrong is in test/vm/bad-input.test.ts. */
useRefusals();

describe("command line", () => {
  it.each<[string[], RegExp, number?]>([
    [["strat", "c1"], /unknown command "strat": did you mean start\?/, 3],
    [["help", "moon"], /unknown command "moon"/, 3],
    [["run", "--vm-memroy=512", "c1"], /run: unknown option --vm-memroy: did you mean --vm-memory\?/],
    [["run", "c1", "--bundle"], /option --bundle needs a value: --bundle DIR/],
    [["run", "--mode=moon", "c1"], /--mode: expected container or vm, found "moon"/],
    [["run", "--detach=maybe", "c1"], /--detach: expected true or false, found "maybe"/],
    [["run"], /run: expected ID .*, found nothing/],
    [["run", "c1", "c2"], /run: expected ID .*, found "c1" "c2"/],
    [["list", "c1"], /list: expected no arguments, found "c1"/],
    [["--log-format=xml", "list"], /--log-format: expected text or json, found "xml"/],
    [["--log", "/no/such/log", "list"], /cannot write the log \/no\/such\/log: no such file .*--log/],
    [["--log", "/proc", "list"], /cannot write the log \/proc: illegal operation on a directory/],
    [["--log", "", "list"], /cannot write the log ""/],
    [["run", "--preserve-fds=-1", "c1"], /--preserve-fds: expected a whole number, found "-1"/],
    [["run", "--preserve-fds=7", "c1"], /unable to stat preserved-fd 0 \(of 7\): descriptor 3 is not open/],
    [["run", "--vm-memory=63", "c1"], /--vm-memory: expected a number of MiB from 64 .*found "63"/],
    [["run", "--vm-memory=lots", "c1"], /--vm-memory: expected a number of MiB/],
    [["run", "--vm-vcpus=0", "c1"], /--vm-vcpus: expected a whole number from 1 to 32, found "0"/],
    [["run", "--vm-vcpus=99", "c1"], /--vm-vcpus: expected a whole number from 1 to 32, found "99"/],
    [["run", "--vm-kernel=", "c1"], /--vm-kernel: expected a text, found ""/],
    [["run", "--vm-runtime=moon", "c1"], /--vm-runtime: expected crun or runc, found "moon"/],
    [["kill", "c1", "MOON"], /unknown signal "MOON": use a name/],
    [["kill", "c1", "65"], /unknown signal "65"/],
  ])("refuses %j", async (args, message, code = 1) => {
    await refused(args, message, { code });
  });

  it("lets the last of an option that is given twice count, as runc does", async () => {
    const { dir: bundle } = await runtime.bundle({ args: ["true"] });
    const args = ["run", "--mode=moon", "--mode=vm", "--mode=container", "-b", bundle, runtime.id()];
    expect(await runtime.call(args)).toMatchObject({ code: 0, stderr: "" });
  });

  it.each(["", "a/b", "..", "a b", "a\nb", "\u001b[31m", "-x", "~x", "é", "x".repeat(256)])(
    "refuses the id %j",
    async (id) => {
      await refused(["run", "--", id], /^nk-runtime: invalid container ID format: "/);
    },
  );

  it.each(["start", "state", "ps", "pause", "resume", "kill", "delete", "exec"])(
    "%s says that there is no such container",
    async (command) => {
      const code = command === "exec" ? 255 : 1;
      await refused([command, "nobody"], /container does not exist: nobody: "nk-runtime --root .* list"/, {
        code,
      });
    },
  );
});

type Json = Record<string, unknown>;
interface Config extends Json {
  process: Json;
  root: Json;
  linux: Json;
  mounts: unknown[];
}
type Change = (config: Config) => unknown;

const without = (name: string): Change => {
  return (config) => Reflect.deleteProperty(config, name);
};
const annotated = (name: string, value: unknown): Change => {
  return (config) => (config["annotations"] = { [name]: value });
};

/** Found before the mode counts. */
const BAD_CONFIGS: [string, Change, RegExp][] = [
  ["args that are a string", (c) => (c.process["args"] = "sh"), /process\.args: expected an array/],
  ["no args", (c) => (c.process["args"] = []), /process\.args: expected the program .* an empty array/],
  ["no process", without("process"), /config\.json: process is missing/],
  ["no root", without("root"), /config\.json: root is missing/],
  ["a root that is not there", (c) => (c.root["path"] = "nope"), /root\.path: no such folder: .*nope/],
  ["a root that is a file", (c) => (c.root["path"] = "config.json"), /root\.path: not a folder: /],
  ["a uid below 0", (c) => (c.process["user"] = { uid: -1 }), /process\.user\.uid: expected 0 or more/],
  ["a relative cwd", (c) => (c.process["cwd"] = "tmp"), /process\.cwd: expected an absolute path/],
  ["a NUL", (c) => (c.process["args"] = ["a\0"]), /process\.args\.0: expected no NUL character/],
  [
    "a namespace nobody knows",
    (c) => (c.linux["namespaces"] = [{ type: "moon" }]),
    /linux\.namespaces\.0\.type: expected one of pid, .* found "moon"/,
  ],
  [
    "a namespace twice",
    (c) => (c.linux["namespaces"] = [{ type: "pid" }, { type: "pid" }]),
    /linux\.namespaces: expected each type at most once/,
  ],
  [
    "a mount without destination",
    (c) => c.mounts.push({ type: "tmpfs" }),
    /mounts\.7\.destination is missing/,
  ],
  ["a hook with a relative path", (c) => (c["hooks"] = { prestart: [{ path: "x" }] }), /hooks\.prestart\.0/],
  ["another specification", (c) => (c["ociVersion"] = "2.0.0"), /ociVersion: expected a version 1/],
  ["a number as annotation", annotated("a", 1), /annotations\.a: expected a string, found 1/],
  [
    "memory in words",
    annotated("org.nano-sandbox.vm.memory", "lots"),
    /annotation org\.nano-sandbox\.vm\.memory: expected a number of MiB/,
  ],
  [
    "an annotation with a typo, which would run it on the host's kernel",
    annotated("org.nano-sandbox.mod", "vm"),
    /annotation org\.nano-sandbox\.mod is not known: did you mean org\.nano-sandbox\.mode\?/,
  ],
  [
    "an annotation that names a file of the host, without the host's permission",
    annotated("org.nano-sandbox.vm.kernel", "/etc/shadow"),
    /annotation org\.nano-sandbox\.vm\.kernel names a file of the host, .* give --vm-kernel, or allow it with/,
  ],
  [
    "a vm section that does",
    (c) => (c["vm"] = { kernel: { path: "/etc/shadow" } }),
    /vm\.kernel\.path in config\.json names a file of the host, which a bundle may not choose/,
  ],
  [
    "a namespace of another container",
    (c) => (c.linux["namespaces"] = [{ type: "network" }, { type: "ipc", path: "/proc/1/ns/ipc" }]),
    /linux\.namespaces: ipc has the path \/proc\/1\/ns\/ipc: a container in a VM cannot join/,
  ],
];

describe("config.json", () => {
  it("refuses a root that is a link, or behind one, in a VM, as runc does on the host", async () => {
    const bundle = await runtime.bundle();
    symlinkSync(".", join(bundle.dir, "outer"));
    symlinkSync("rootfs", join(bundle.dir, "link"));
    for (const path of ["link", "outer/rootfs", "/proc/self/root"]) {
      await bundle.edit((config) => ((config as Config).root["path"] = path));
      const args = ["create", "--mode=vm", "-b", bundle.dir, runtime.id()];
      await refused(args, /root\.path: \/.* is or leads through a symbolic link: name the folder itself: \//);
    }
  });

  it.each(BAD_CONFIGS)("refuses %s", async (_, change, message) => {
    const bundle = await runtime.bundle();
    await bundle.edit((config) => change(config as Config));
    await refused(["run", "--mode=vm", "-b", bundle.dir, runtime.id()], message);
  });
});

describe.each(["container", "vm"])("bundles in mode %s", (mode) => {
  const run = (bundle: string): string[] => ["run", `--mode=${mode}`, "-b", bundle, runtime.id()];

  it("refuses a folder that is not there, and one without config.json", async () => {
    await refused(run("/no/such"), /no such bundle folder: \/no\/such: name it with --bundle/);
    await refused(run(dir), /config\.json not found in .*nk-runtime spec/);
  });

  it("names line and column of broken JSON", async () => {
    const bundle = await runtime.bundle();
    writeFileSync(join(bundle.dir, "config.json"), '{\n  "process": {"args": ["sh"],}\n}');
    await refused(run(bundle.dir), /config\.json:2:30: not valid JSON: expected a member name/);
  });

  it("refuses a config.json that is a folder", async () => {
    const bundle = join(dir, `folder-${mode}`);
    mkdirSync(join(bundle, "config.json"), { recursive: true });
    await refused(run(bundle), /cannot read .*config\.json: it is a folder, not a file/);
  });

  it.each([
    ["in no folder", "/no/such/pid", /--pid-file \/no\/such\/pid: \/no\/such: no such file or directory/],
    ["that is a folder", "/tmp", /--pid-file \/tmp: it is a folder/],
  ])("refuses a pid file %s, with nothing started", async (_, pidFile, message) => {
    const { dir: bundle } = await runtime.bundle({ args: ["sh", "-c", "echo started; sleep 1000"] });
    await refused([...run(bundle), "-d", "--pid-file", pidFile], message);
  });

  it("refuses a console socket that is not there, and a terminal without one", async () => {
    const { dir: bundle } = await runtime.bundle({ terminal: true });
    const create = ["create", `--mode=${mode}`, "-b", bundle, runtime.id()];
    await refused(create, /cannot allocate tty if nk-runtime will detach without setting console socket/);
    await refused([...create, "--console-socket", join(dir, "none")], /none/);
    await refused([...create, "--console-socket", "/etc/passwd"], /\/etc\/passwd|not a socket|refused/i);
  });

  it("names what a mount lacks", async () => {
    const mounts = [{ destination: "/x", type: "bind", source: "/no/such", options: ["rbind"] }];
    await refused(run((await runtime.bundle({ mounts })).dir), /\/no\/such/);
  });

  it("writes the same line to the log, with its code", async () => {
    const log = join(dir, `${mode}.json`);
    const args = ["--log", log, "--log-format", "json", ...run("/no/such")];
    await refused(args, "no such bundle folder");
    const entry = JSON.parse(readFileSync(log, "utf8")) as Record<string, unknown>;
    expect(entry).toMatchObject({ level: "error", code: "BAD_CONFIG" });
    expect(entry["msg"]).toBe("no such bundle folder: /no/such: name it with --bundle DIR");
    expect(Object.keys(entry)).toEqual(["level", "msg", "time", "code"]);
  });
});

describe("settings files", () => {
  it.each([
    ['{"mode": vm}', /config\.json:1:10: not valid JSON: expected a value, found "v"/],
    ['{"moed": "vm"}', /unknown setting moed: expected one of mode, vm\.vcpus/],
    ['{"vm": {"memroy": 5}}', /unknown setting vm\.memroy/],
    ['{"mode": 5}', /mode: expected container or vm, found 5/],
    ['{"vm": 5}', /vm: expected an object, found a number/],
    ["[]", /expected a JSON object, found an array/],
    ['{"allowFromBundle": {"host.runtime": true}}', /unknown setting allowFromBundle\.host\.runtime/],
    ['{"allowFromBundle": {"mode": 1}}', /allowFromBundle\.mode: expected true or false, found 1/],
    ['{"vm": {"kernel": "x"}}', /vm\.kernel: expected an absolute path, found "x"/],
  ])("refuses %s", async (text, message) => {
    const { dir: bundle } = await runtime.bundle({ args: ["true"] });
    writeFileSync(join(bundle, "settings"), "");
    const folder = mkdtempSync(join(dir, "settings-"));
    writeFileSync(join(folder, "config.json"), text);
    await refused(["run", "-b", bundle, runtime.id()], message, { env: { NK_CONFIG_DIR: folder } });
  });
});

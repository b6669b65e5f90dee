import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { NkError } from "../../base/errors.ts";
import { print } from "../../base/print.ts";
import type { Engine, Runtimes } from "../../engines/engine.ts";
import { ENGINES } from "../../engines/engines.ts";
import { exampleRoot, ourRuntimes } from "../../engines/our-runtimes.ts";
import { tryRuntime } from "../../engines/try-runtime.ts";
import { findProgram } from "../../host/programs.ts";
import { isOrdinaryUser } from "../../host/user-namespace.ts";
import { runProgram, versionIn } from "../../host/run-program.ts";
import { writeFileAtomic } from "../../state/atomic-write.ts";
import { readIfThere } from "../../state/read-if-there.ts";
import type { Command } from "../command.ts";

const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
const NAMES = Object.keys(ENGINES);

export const installEngine: Command = {
  spec: {
    name: "install-engine",
    summary: "make this runtime known to podman, containerd, docker or buildah",
    usage: NAMES.join("|"),
    description:
      "Prints the configuration of an engine with two more runtimes in it: nk-runtime, and nk-runtime-vm, which is the same\nprogram with a VM by default. What else the engine's file has stays. With --write it is written, and a container is run by each.",
    options: [
      {
        name: "write",
        type: "switch",
        help: "write the file, and run one container by each runtime (root; podman: also a user)",
      },
    ],
    min: 1,
    max: 1,
    stateless: true,
    examples: ["nk-runtime install-engine podman", "sudo nk-runtime install-engine podman --write"],
  },

  async run({ flags, positionals: [name = ""], requireRoot }) {
    const known = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
    if (known === undefined)
      throw new NkError("USAGE", `unknown engine ${JSON.stringify(name)}: expected ${NAMES.join(", ")}`);
    const engine = isOrdinaryUser() ? { ...known, ...known.ofUser } : known;
    if (flags.switch("write") && known.ofUser === undefined) requireRoot();
    const bundleDir = dirname(process.argv[1] ?? "");
    const runtimes = ourRuntimes(bundleDir);
    const text = engine.configure(runtimes, current(engine), await versionOf(engine));
    if (!flags.switch("write")) {
      const head = engine.file === undefined ? "" : `# ${engine.file}\n`;
      await print(`${head}${text}${usage(engine, runtimes)}`);
      return 0;
    }
    await write(engine, text);
    await tryBoth(engine, runtimes, exampleRoot(bundleDir));
    await print(usage(engine, runtimes));
    return 0;
  },
};

async function tryBoth(engine: Engine, { container, vm }: Runtimes, rootfs: string): Promise<void> {
  if (!isReadable(rootfs)) {
    await print(`no container was run: only root may read the example bundle (${rootfs})\n`);
    return;
  }
  for (const runtime of [container, vm]) {
    await tryRuntime(engine, runtime, rootfs);
    await print(`${engine.program} has run a container by ${runtime.name}\n`);
  }
}

function isReadable(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function current({ file }: Engine): string | undefined {
  return file === undefined ? undefined : readIfThere(file);
}

/** @throws NOT_FOUND where the engine is not installed */
async function versionOf({ program }: Engine): Promise<string> {
  const path = findProgram(program, process.env["PATH"] ?? "", SYSTEM_FOLDERS);
  if (path === undefined)
    throw new NkError("NOT_FOUND", `${program} is not installed: expected it in the PATH, found none`);
  return versionIn((await runProgram(path, ["--version"])).output);
}

async function write({ file }: Engine, text: string): Promise<void> {
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileAtomic(file, text, 0o644);
  await print(`wrote ${file}\n`);
}

function usage(engine: Engine, runtimes: Runtimes): string {
  return engine
    .usage(runtimes)
    .map((line) => `# ${line}\n`)
    .join("");
}

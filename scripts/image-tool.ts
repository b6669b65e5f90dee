// What the scripts need of src/image and src/vm: they run it as build/tools/image-tool.mjs.
//   cpio OUT LIST [WORD=PATH]…    makes an initramfs of a list (src/image/initramfs-list.ts)
//   copy-modules FROM TO          copies the modules that a guest can need, with their dependencies
//   cmdline                       prints the kernel command line for software emulation on this host
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { cpioArchive } from "../src/image/cpio.ts";
import { readInitramfsList } from "../src/image/initramfs-list.ts";
import { copyGuestModules } from "../src/image/pack-modules.ts";
import { hostTscKhz } from "../src/vm/host-tsc.ts";
import { kernelCmdline } from "../src/vm/kernel-cmdline.ts";
import { QEMU_PARAMETERS } from "../src/vm/qemu/parameters.ts";

const [command, ...args] = process.argv.slice(2);

try {
  if (command === "cpio") makeCpio(args);
  else if (command === "copy-modules") await copyModules(args);
  else if (command === "cmdline")
    process.stdout.write(
      `${kernelCmdline({ own: QEMU_PARAMETERS, accel: "tcg", tscKhz: hostTscKhz(), debug: false, extra: "" })}\n`,
    );
  else throw new Error(`unknown command ${command}`);
} catch (error) {
  console.error(`image-tool: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function makeCpio([out, list, ...words]: string[]): void {
  if (!out || !list) throw new Error("usage: cpio OUT LIST [WORD=PATH]…");
  const locations = Object.fromEntries(words.map((word) => word.split("=", 2) as [string, string]));
  const archive = cpioArchive(readInitramfsList(readFileSync(list, "utf8"), locations));
  // The same bytes stay untouched: what was prepared of them is named by their time.
  if (existsSync(out) && readFileSync(out).equals(archive)) return;
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.new`, archive);
  renameSync(`${out}.new`, out);
}

async function copyModules([from, to]: string[]): Promise<void> {
  if (!from || !to) throw new Error("usage: copy-modules FROM TO");
  await copyGuestModules(from, to);
}

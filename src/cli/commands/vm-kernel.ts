import { basename, resolve } from "node:path";
import { NkError } from "../../base/errors.ts";
import { addKernel } from "../../image/add-kernel.ts";
import { sharesOf } from "../../image/check-kernel.ts";
import { listKernels, type KernelEntry } from "../../image/kernel-list.ts";
import type { Command } from "../command.ts";
import { kernelJson, kernelTable, lackLine } from "../kernel-table.ts";
import { type Flags, formatOption } from "../options.ts";
import { print } from "../../base/print.ts";

export const vmKernel: Command = {
  spec: {
    name: "vm-kernel",
    summary: "list the guest kernels, or add one",
    usage: "list | add FILE",
    description: [
      "`list` shows the kernels of the image folders, what each can do and what it is known to lack.",
      "",
      "`add` checks FILE, a bzImage or a vmlinux of any distribution, and copies it into the image folder, with those of its modules",
      "that a guest can need. They are looked for beside it, in ../lib/modules (as in an unpacked package) and in /lib/modules.",
    ].join("\n"),
    options: [
      {
        name: "name",
        type: "text",
        value: "NAME",
        help: "add: name in the image folder (default: by its release)",
      },
      {
        name: "modules",
        type: "text",
        value: "DIR",
        help: "add: folder with its modules, or with lib/modules/RELEASE",
      },
      { name: "default", type: "switch", help: "add: VMs boot it when nothing else is said" },
      formatOption("table", "json"),
    ],
    min: 1,
    max: 2,
    stateless: true,
    examples: [
      "nk-runtime vm-kernel list",
      "nk-runtime vm-kernel add /boot/vmlinuz-6.1.0-56-amd64 --default",
      "nk-runtime vm-kernel add --modules=/tmp/unpacked /tmp/unpacked/boot/vmlinuz-6.1.0-56-amd64",
    ],
  },

  async run({ flags, positionals }) {
    const [action = "", file] = positionals;
    if (action === "list" && file === undefined) return await list(flags);
    if (action === "add" && file !== undefined) return await add(resolve(file), flags);
    throw new NkError("USAGE", `vm-kernel: expected "list" or "add FILE", found "${positionals.join(" ")}"`);
  },
};

async function list(flags: Flags): Promise<number> {
  const entries = await listKernels();
  await print(isJson(flags) ? `${JSON.stringify(entries.map(kernelJson), null, 2)}\n` : kernelTable(entries));
  return 0;
}

async function add(file: string, flags: Flags): Promise<number> {
  const modules = flags.text("modules");
  const isDefault = flags.switch("default");
  const kernel = await addKernel({
    file,
    name: flags.text("name"),
    modules: modules === undefined ? undefined : resolve(modules),
    makeDefault: isDefault,
  });
  const entry: KernelEntry = { name: basename(kernel.path), path: kernel.path, isDefault, kernel };
  await print(isJson(flags) ? `${JSON.stringify(kernelJson(entry), null, 2)}\n` : added(entry, kernel));
  return 0;
}

function added({ path, isDefault }: KernelEntry, kernel: Parameters<typeof lackLine>[0]): string {
  const count = kernel.modules?.files.size;
  const modules = count === undefined ? "no modules, all is built in" : `${count} modules with it`;
  const lacks = lackLine(kernel);
  return [
    `added ${path}: ${kernel.release}, ${modules}; it mounts ${sharesOf(kernel).join(" and ")}`,
    ...(lacks === undefined ? [] : [`it ${lacks}`]),
    isDefault ? "VMs boot it from now on" : `use it with --vm-kernel=${path}`,
    "",
  ].join("\n");
}

const isJson = (flags: Flags): boolean => flags.text("format") === "json";

import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { readNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";

/** Loaded by the agent before anything else; each costs some milliseconds of every boot under software emulation. */
export const BOOT_MODULES = ["virtio_mmio", "virtio_console"] as const;

/** Loaded at boot too, but a guest comes up without them. */
export const BOOT_MODULES_IF_PRESENT = ["virtio_rng", "overlay", "virtio_net"] as const;

/** How each kind of share that is a device is mounted; one kind is enough. */
export const SHARE_MODULES = { virtiofs: ["virtiofs"], "9p": ["9pnet_virtio", "9p"] } as const;

/** Packed where the kernel has them, loaded only when something asks: the agent, or the kernel for a container that has others inside, or mounts images. */
export const LATER_MODULES = [
  "vmw_vsock_virtio_transport",
  "9pnet_fd",
  "9p",
  "virtio_blk",
  "ext4",
  "erofs",
  "macvlan",
  "virtio_balloon",
  "tun",
  "veth",
  "bridge",
  "nfnetlink",
  "nf_tables",
  "nft_ct",
  "nft_nat",
  "nft_masq",
  "nft_chain_nat",
  "nft_compat",
  "nft_fib_inet",
  "nft_reject_inet",
  "xt_addrtype",
  "xt_comment",
  "xt_conntrack",
  "xt_mark",
  "xt_MASQUERADE",
  "xt_nat",
  "fuse",
  "loop",
  "squashfs",
  "isofs",
  "vfat",
  "nls_cp437",
  "nls_ascii",
  "autofs4",
] as const;

/** A kernel's modules as `modules.dep` and `modules.builtin` list them. */
export interface ModuleTree {
  /** The folder with modules.dep. */
  dir: string;
  /** File of each module below `dir`, by its name with underscores. */
  files: ReadonlyMap<string, string>;
  /** Direct and indirect dependencies, by file. */
  dependencies: ReadonlyMap<string, readonly string[]>;
  builtin: ReadonlySet<string>;
}

/**
 * Where the modules of a kernel may be: as our scripts lay them out; around the kernel itself (Debian 14, Fedora, Arch); as in an
 * unpacked package of others; the system's.
 */
export function modulesPlaces(kernelPath: string, release: string): string[] {
  if (release === "") return [];
  const folder = dirname(realpathSync(kernelPath));
  const around = basename(folder) === release ? [folder] : [];
  return [
    ...around,

    join(folder, `modules-${release}`),
    join(folder, "../lib/modules", release),
    `/lib/modules/${release}`,
  ];
}

/**
 * The folder with the modules of a kernel. Undefined when there is none: then everything must be built in. One that is not indexed
 * yet, as packages ship it, counts when there is no other: reading it says what to do.
 */
export function findModulesDir(kernelPath: string, release: string): string | undefined {
  const places = modulesPlaces(kernelPath, release);
  const having = (file: string): string | undefined => places.find((dir) => existsSync(join(dir, file)));
  return having("modules.dep") ?? having("modules.builtin");
}

export function readModuleTree(dir: string): ModuleTree {
  const files = new Map<string, string>();
  const dependencies = new Map<string, readonly string[]>();
  for (const line of linesOf(join(dir, "modules.dep"))) {
    const [file = "", rest = ""] = line.split(":", 2);
    files.set(moduleName(file), file);
    dependencies.set(
      file,
      rest.split(" ").filter((word) => word !== ""),
    );
  }
  const builtin = new Set(linesOf(join(dir, "modules.builtin")).map(moduleName));
  return { dir, files, dependencies, builtin };
}

/** `kernel/drivers/char/hw_random/virtio-rng.ko.zst` is `virtio_rng`. */
export function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

export function hasModule(tree: ModuleTree, name: string): boolean {
  return tree.builtin.has(name) || tree.files.has(name);
}

/**
 * Files of the named modules and all that they need, each once, every module after those it depends on. Names that
 * are built into the kernel need no file.
 */
export function loadOrder(tree: ModuleTree, names: readonly string[]): string[] {
  const ordered = new Set<string>();
  const visiting = new Set<string>();
  const visit = (file: string): void => {
    if (ordered.has(file)) return;
    if (visiting.has(file))
      throw new NkError("BAD_CONFIG", `${tree.dir}/modules.dep: ${file} depends on itself`);
    visiting.add(file);
    for (const needed of tree.dependencies.get(file) ?? []) visit(needed);
    ordered.add(file);
  };
  for (const name of names) {
    const file = tree.files.get(name);
    if (file === undefined && !tree.builtin.has(name)) {
      throw new NkError(
        "BAD_CONFIG",
        `the kernel has no module ${name}, neither built in nor in ${tree.dir}`,
        {
          see: `${tree.dir}/modules.dep`,
        },
      );
    }
    if (file !== undefined) visit(file);
  }
  return [...ordered];
}

function linesOf(path: string): string[] {
  try {
    return readNamedFile(path)
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (cause) {
    const mend = `make it with ${depmodFor(dirname(path))}`;
    throw new NkError("BAD_CONFIG", `cannot read ${path}: ${reasonOf(cause)}: ${mend}`, { cause });
  }
}

/** depmod wants the folder that `lib/modules/RELEASE` is in. */
function depmodFor(dir: string): string {
  const match = /^(.*)\/lib\/modules\/([^/]+)$/.exec(dir);
  return match ? `depmod -b ${match[1] || "/"} ${match[2]}` : "depmod";
}

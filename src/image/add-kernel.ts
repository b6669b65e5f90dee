import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { basename, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { checkGuestKernel } from "./check-kernel.ts";
import { describeKernel, type KernelDescription } from "./describe-kernel.ts";
import { defaultImageDirs } from "./guest-image.ts";
import { findConfigFile } from "./kernel-config.ts";
import { inspectKernel } from "./kernel.ts";
import { copyGuestModules } from "./pack-modules.ts";

export interface AddOptions {
  file: string;
  /** Name in the image folder; undefined: vmlinux-RELEASE or vmlinuz-RELEASE. */
  name: string | undefined;
  /** Folder with its modules, or of an unpacked package that has them; undefined: where they usually are. */
  modules: string | undefined;
  makeDefault: boolean;
  imageDirs?: readonly string[];
}

/**
 * Checks a kernel and copies it into the image folder, with the modules that a guest can need and its configuration. Others see all of
 * it or nothing: the kernel file comes last.
 * @returns the kernel where it is now
 * @throws BAD_CONFIG for what is no kernel, or one that no guest comes up on; EXISTS when the name is taken
 */
export async function addKernel(options: AddOptions): Promise<KernelDescription> {
  const { release } = inspectKernel(options.file);
  const kernel = await describeKernel(options.file, { modulesDir: modulesIn(options.modules, release) });
  checkGuestKernel(kernel);
  const name = options.name ?? defaultName(kernel);
  checkName(name);
  const folder = join(imageDir(options.imageDirs ?? defaultImageDirs()), "kernels");
  const target = join(folder, name);
  if (existsSync(target)) {
    throw new NkError("EXISTS", `${target} exists: take another --name, or remove it`);
  }
  await place(kernel, name, folder);
  if (options.makeDefault) pointDefault(folder, name);
  return await describeKernel(target);
}

/** A folder with modules.dep, or one that has it below lib/modules/RELEASE. What is not indexed yet is found too: reading it says so. */
function modulesIn(dir: string | undefined, release: string): string | undefined {
  if (dir === undefined) return undefined;
  const places = [dir, join(dir, "lib/modules", release), join(dir, "usr/lib/modules", release)];
  const having = (file: string): string | undefined => places.find((path) => existsSync(join(path, file)));
  return having("modules.dep") ?? having("modules.builtin") ?? dir;
}

function defaultName({ format, release, path }: KernelDescription): string {
  return release === "" ? basename(path) : `${format === "elf" ? "vmlinux" : "vmlinuz"}-${release}`;
}

function checkName(name: string): void {
  if (/^\w[\w.+~-]*$/.test(name) && !/^(default$|config-|modules-)|\.new/.test(name)) return;
  throw new NkError(
    "USAGE",
    `--name: expected letters, digits and . _ + ~ -, not "default", and no name of a configuration or of modules, found ${JSON.stringify(name)}`,
  );
}

/** The first that is there; else the installed one, which comes to be. */
function imageDir(dirs: readonly string[]): string {
  const dir = dirs.find((path) => existsSync(path)) ?? dirs.at(-1) ?? "";
  mkdirSync(join(dir, "kernels"), { recursive: true });
  return dir;
}

const STAGING = ".add-";

async function place(kernel: KernelDescription, name: string, folder: string): Promise<void> {
  removeAbandoned(folder);
  const staging = join(folder, `${STAGING}${process.pid}`);
  mkdirSync(staging);
  try {
    const parts = [
      ...(await stageModules(kernel, staging)),
      ...stageConfig(kernel, staging),
      ...(await stageFile(kernel, name, staging)),
    ];
    for (const part of parts) {
      rmSync(join(folder, part), { recursive: true, force: true });
      renameSync(join(staging, part), join(folder, part));
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function stageModules({ modules, release }: KernelDescription, staging: string): Promise<string[]> {
  if (modules === undefined) return [];
  const part = `modules-${release}`;
  await copyGuestModules(modules.dir, join(staging, part));
  return [part];
}

function stageConfig({ path, release, configSource }: KernelDescription, staging: string): string[] {
  const file = configSource === "built in" ? undefined : findConfigFile(path, release);
  if (file === undefined) return [];
  const part = `config-${release}`;
  copyFileSync(file, join(staging, part));
  return [part];
}

async function stageFile({ path }: KernelDescription, name: string, staging: string): Promise<string[]> {
  copyFileSync(path, join(staging, name));
  await chmod(join(staging, name), 0o644);
  return [name];
}

/** Of an `add` that was killed. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(STAGING) || existsSync(`/proc/${name.slice(STAGING.length)}`)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function pointDefault(folder: string, name: string): void {
  const temporary = join(folder, `.default.${process.pid}.new`);
  symlinkSync(name, temporary);
  renameSync(temporary, join(folder, "default"));
}

import { dirname } from "node:path";
import { sharesOf } from "../image/check-kernel.ts";
import type { KernelDescription } from "../image/describe-kernel.ts";
import { diskFormatsOf } from "../image/disk-format.ts";
import { describeLack } from "../image/kernel-features.ts";
import type { KernelEntry } from "../image/kernel-list.ts";

const MIB = 1024 * 1024;

/** A kernel as JSON. */
export function kernelJson({ name, path, isDefault, kernel }: KernelEntry): Record<string, unknown> {
  if ("problem" in kernel) return { name, path, default: isDefault, problem: kernel.problem };
  const { format, release, sizeBytes, modules, configSource, lacks, isOpaque } = kernel;
  return {
    name,
    path,
    default: isDefault,
    release,
    format,
    sizeBytes,
    shares: isOpaque ? null : sharesOf(kernel),
    disks: isOpaque ? null : diskFormatsOf(kernel),
    modules: modules?.dir ?? null,
    config: configSource ?? null,
    lacks: lacks.map(({ feature, options }) => ({ feature, options })),
  };
}

const HEADINGS = ["NAME", "RELEASE", "FORMAT", "SIZE", "SHARES", "DISKS", "MODULES"];

/** A table for each folder; the default has a star. Below a kernel what it lacks, or why it cannot be used. */
export function kernelTable(entries: readonly KernelEntry[]): string {
  const rows = entries.map(cells);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (mark: string, row: readonly string[]): string =>
    `${mark} ${row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + 2)).join("")}`.trimEnd();
  const folders = [...new Set(entries.map(({ path }) => dirname(path)))];
  const lines = folders.flatMap((folder) => [
    folder,
    line(" ", HEADINGS),
    ...entries.flatMap((entry, index) => {
      if (dirname(entry.path) !== folder) return [];
      return [
        line(entry.isDefault ? "*" : " ", rows[index] ?? []),
        ...remarks(entry).map((text) => `    ${text}`),
      ];
    }),
    "",
  ]);
  const last = entries.some(({ isDefault }) => isDefault) ? "* is booted by default" : "none is the default";
  return `${[...lines, last].join("\n")}\n`;
}

function cells({ name, kernel }: KernelEntry): string[] {
  if ("problem" in kernel) return [name];
  const { format, release, sizeBytes, modules, isOpaque } = kernel;
  const list = (words: readonly string[]): string => (isOpaque ? "unknown" : words.join(", ") || "none");
  return [
    name,
    release || "unknown",
    format === "elf" ? "ELF" : format,
    `${(sizeBytes / MIB).toFixed(1)} MiB`,
    list(sharesOf(kernel)),
    list(diskFormatsOf(kernel)),
    modules === undefined ? "none needed" : `${modules.files.size} found`,
  ];
}

function remarks({ kernel }: KernelEntry): string[] {
  if ("problem" in kernel) return [`cannot be used: ${kernel.problem}`];
  const lacks = lackLine(kernel);
  return lacks === undefined ? [] : [lacks];
}

/** "cannot mount ext4 (CONFIG_EXT4_FS), …"; undefined when it lacks nothing that is known. */
export function lackLine({ lacks }: KernelDescription): string | undefined {
  return lacks.length === 0 ? undefined : lacks.map(describeLack).join(", ");
}

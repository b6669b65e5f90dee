import { readFileSync } from "node:fs";
import type { CpioEntry } from "./cpio.ts";
import { NkError } from "../base/errors.ts";

/**
 * Reads a list of what goes into an initramfs, in the words of the kernel's own usr/gen_init_cpio (owners are always root):
 *
 *     dir   NAME MODE
 *     file  NAME LOCATION MODE
 *     slink NAME TARGET
 *     nod   NAME MODE c MAJOR MINOR
 *
 * `$WORD` in a location is replaced by `locations.WORD`. Text from `#` on is a comment.
 */
export function readInitramfsList(text: string, locations: Record<string, string>): CpioEntry[] {
  const entries: CpioEntry[] = [];
  text.split("\n").forEach((line, index) => {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] !== "") entries.push(entryOf(words, locations, `line ${index + 1}`));
  });
  return entries;
}

function entryOf(words: string[], locations: Record<string, string>, where: string): CpioEntry {
  const [type, name, first, second, third, fourth] = words;
  if (name && first) {
    if (type === "dir") return { type, name, mode: octal(first, where) };
    if (type === "slink") return { type, name, target: first };
    if (type === "file" && second) {
      return { type, name, mode: octal(second, where), data: readLocation(first, locations, where) };
    }
    if (type === "nod" && second === "c" && third && fourth) {
      return { type, name, mode: octal(first, where), major: Number(third), minor: Number(fourth) };
    }
  }
  throw new NkError(
    "BAD_CONFIG",
    `${where}: expected dir, file, slink or nod with its fields, found "${words.join(" ")}"`,
  );
}

function octal(word: string, where: string): number {
  if (!/^[0-7]{3,4}$/.test(word))
    throw new NkError("BAD_CONFIG", `${where}: expected an octal mode, found "${word}"`);
  return Number.parseInt(word, 8);
}

function readLocation(word: string, locations: Record<string, string>, where: string): Uint8Array {
  const path = word.startsWith("$") ? locations[word.slice(1)] : word;
  if (!path) throw new NkError("BAD_CONFIG", `${where}: no location was given for ${word}`);
  return readFileSync(path);
}

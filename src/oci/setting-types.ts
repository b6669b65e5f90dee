import { NkError } from "../base/errors.ts";
import { kindOf } from "../base/json.ts";

/** What values a setting takes: how one is read, and how help and documentation show them. */
export interface SettingType<Value> {
  /** Stands for the value in help texts; a flag without one is a switch. */
  placeholder?: string;
  /** What it takes, in words. */
  values: string;
  /** What of the host the value names. A bundle does not choose such a thing unless the host's administrator lets it. */
  names?: "file" | "program" | "port";
  /** Its flag may be given more than once. */
  many?: true;
  /** Follows the value where people read it. */
  unit?: string;
  /**
   * A value from text (flags, annotations) or JSON (settings files).
   * @param source names where it was found, for the message: "--vm-memory", "annotation org.…", "vm.memory in /etc/…".
   * @throws BAD_CONFIG
   */
  read(value: unknown, source: string): Value;
}

/** All that is known of one setting. Options, annotations, settings files, defaults, `doctor --config` and the documentation are made from it. */
export interface Setting<Value = unknown, Default = unknown> {
  /** The flag, without its dashes. */
  flag: string;
  /** Its member in settings files; what begins with `vm.` is for VM mode alone. */
  key: string;
  /** Can a bundle have it as the annotation `org.nano-sandbox.KEY`? What names something of the host must be allowed there, too (SettingType.names). */
  annotation: boolean;
  type: SettingType<Value>;
  default: Default;
  /** What the default comes to, where that is more than its value. */
  defaultWords?: string;
  /** One line, without the default. */
  help: string;
}

/** One of some words. */
export function choice<const Word extends string>(...words: Word[]): SettingType<Word> {
  return {
    placeholder: words.join("|"),
    values: words.join(", "),
    read(value, source) {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      throw bad(source, words.join(" or "), value);
    },
  };
}

export const SWITCH: SettingType<boolean> = {
  values: "true, false",
  read(value, source) {
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    throw bad(source, "true or false", value);
  },
};

/** A whole number. */
export function count(min: number, max: number): SettingType<number> {
  return {
    placeholder: "N",
    values: `${min} to ${max}`,
    read(value, source) {
      const found = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
      if (typeof found === "number" && Number.isInteger(found) && found >= min && found <= max) return found;
      throw bad(source, `a whole number from ${min} to ${max}`, value);
    },
  };
}

const UNIT_MIB: Record<string, number> = { "": 1, M: 1, G: 1024 };

/** MiB: "1024", 1024, "512M", "512MiB", "2G". */
export function memory(minMib: number, maxMib: number): SettingType<number> {
  return {
    placeholder: "MIB",
    values: "MiB, or 512M, 2G",
    unit: "MiB",
    read(value, source) {
      const match = /^(\d{1,7})\s*([MG]?)(?:i?B)?$/i.exec(String(value));
      const mib = match ? Number(match[1]) * (UNIT_MIB[(match[2] ?? "").toUpperCase()] ?? 1) : Number.NaN;
      if (mib >= minMib && mib <= maxMib) return mib;
      throw bad(source, `a number of MiB from ${minMib} to ${maxMib} (or 512M, 2G)`, value);
    },
  };
}

/** A file of the host, by an absolute path: commands of one container may run in different folders. */
export const FILE: SettingType<string> = {
  placeholder: "FILE",
  values: "absolute path (the flag: any path)",
  names: "file",
  read(value, source) {
    const path = readText(value, source);
    if (path.startsWith("/")) return path;
    throw bad(source, "an absolute path", value);
  },
};

/** A program of the host, by its path or by its name in PATH. */
export const PROGRAM: SettingType<string> = {
  placeholder: "NAME",
  values: "name or path of a program",
  names: "program",
  read: readText,
};

/** Some texts that match: a list in settings files, with commas in an annotation, more than one flag. @param form of each, as people write it */
export function list(form: string, expression: RegExp, names: "port"): SettingType<readonly string[]> {
  const item = pattern(form, form, expression);
  return {
    placeholder: form,
    values: form,
    names,
    many: true,
    read(value, source) {
      const texts = typeof value === "string" ? value.split(",") : value;
      if (!Array.isArray(texts)) throw bad(source, `a list of ${form}`, value);
      return texts.map((text) => item.read(text, source));
    },
  };
}

/** A text that matches. @param values what it takes, in words */
export function pattern(placeholder: string, values: string, expression: RegExp): SettingType<string> {
  return {
    placeholder,
    values,
    read(value, source) {
      if (typeof value === "string" && expression.test(value)) return value;
      throw bad(source, values, value);
    },
  };
}

function readText(value: unknown, source: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw bad(source, "a text", value);
}

function bad(source: string, expected: string, value: unknown): NkError {
  const found = typeof value === "object" || value === undefined ? kindOf(value) : JSON.stringify(value);
  return new NkError("BAD_CONFIG", `${source}: expected ${expected}, found ${found}`);
}

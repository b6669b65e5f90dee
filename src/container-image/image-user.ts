import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { printableLine } from "../base/printable.ts";
import { binary, inRoot, lookAt, partsOf, raw, resolveParts } from "./root-path.ts";

/** The user of a process (runtime-spec config.md), and its home, where the image knows it. */
export interface ImageUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  home: string | undefined;
}

/** Far more than any image has; the file is the image's. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_GROUPS = 1024;

interface Account {
  name: string;
  id: number;
  /** All fields of the line. */
  fields: string[];
}

/**
 * Who "NAME", "UID", "NAME:GROUP" or "UID:GID" of an image's configuration is, by the image's own /etc/passwd and /etc/group. Links of the
 * image are followed within it.
 * @throws BAD_CONFIG for a name that is in neither
 */
export function findUser(rootfs: string, spec: string): ImageUser {
  const root = binary(rootfs);
  const [user = "", group = ""] = spec.split(":");
  const users = accounts(root, "/etc/passwd");
  const groups = accounts(root, "/etc/group");
  const account =
    users.find(({ name }) => name === user) ?? users.find(({ id }) => String(id) === (user || "0"));
  const uid = account?.id ?? number(user || "0", "user", "/etc/passwd");
  const home = account?.fields[5];
  const isNamed = group !== "";
  const gid = isNamed
    ? (groups.find(({ name }) => name === group)?.id ?? number(group, "group", "/etc/group"))
    : Number(account?.fields[3] ?? 0);
  const additionalGids = isNamed || account === undefined ? [] : memberships(groups, account.name, gid);
  return {
    uid,
    gid: Number.isSafeInteger(gid) ? gid : 0,
    additionalGids,
    home: home === "" ? undefined : home,
  };
}

function memberships(groups: readonly Account[], name: string, gid: number): number[] {
  const found = groups
    .filter(({ fields }) => fields[3]?.split(",").includes(name) === true)
    .map(({ id }) => id);
  return [...new Set(found)].filter((id) => id !== gid).slice(0, MAX_GROUPS);
}

/** Lines NAME:…:ID:… of passwd(5) and group(5); others are left out, as in libc. */
function accounts(root: string, path: string): Account[] {
  return readInRoot(root, path)
    .split("\n")
    .map((line) => line.split(":"))
    .filter(
      (fields) => fields.length >= 3 && /^\d{1,10}$/.test(fields[2] ?? "") && Number(fields[2]) < 2 ** 32 - 1,
    )
    .map((fields) => ({ name: fields[0] ?? "", id: Number(fields[2]), fields }));
}

/** "" when there is no such file. A fifo or device of the image is not opened. */
function readInRoot(root: string, path: string): string {
  const found = inRoot(root, resolveParts(root, partsOf(path), true));
  if (lookAt(found)?.isFile() !== true) return "";
  const fd = openSync(raw(found), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, MAX_FILE_BYTES));
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}

function number(text: string, what: string, file: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 - 1) return Number(text);
  throw new NkError(
    "BAD_CONFIG",
    printableLine(`the image's ${what} ${text.slice(0, 80)} is not in its ${file}`),
  );
}

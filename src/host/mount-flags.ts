/** Numbers of mount(2), from linux/mount.h. */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  REC: 16384,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const;

const ALL_PROPAGATION = MS.SHARED | MS.SLAVE | MS.PRIVATE | MS.UNBINDABLE;

/** What an option adds to the flags and takes from them; runtime-spec config.md, "Linux mount options". */
const FLAGS: Record<string, readonly [set: number, clear: number]> = {
  defaults: [0, 0],
  ro: [MS.RDONLY, 0],
  rro: [MS.RDONLY, 0],
  rw: [0, MS.RDONLY],
  rrw: [0, MS.RDONLY],
  bind: [MS.BIND, 0],
  rbind: [MS.BIND | MS.REC, 0],
  nosuid: [MS.NOSUID, 0],
  rnosuid: [MS.NOSUID, 0],
  suid: [0, MS.NOSUID],
  rsuid: [0, MS.NOSUID],
  nodev: [MS.NODEV, 0],
  rnodev: [MS.NODEV, 0],
  dev: [0, MS.NODEV],
  rdev: [0, MS.NODEV],
  noexec: [MS.NOEXEC, 0],
  rnoexec: [MS.NOEXEC, 0],
  exec: [0, MS.NOEXEC],
  rexec: [0, MS.NOEXEC],
  nosymfollow: [MS.NOSYMFOLLOW, 0],
  rnosymfollow: [MS.NOSYMFOLLOW, 0],
  symfollow: [0, MS.NOSYMFOLLOW],
  rsymfollow: [0, MS.NOSYMFOLLOW],
  sync: [MS.SYNCHRONOUS, 0],
  async: [0, MS.SYNCHRONOUS],
  dirsync: [MS.DIRSYNC, 0],
  remount: [MS.REMOUNT, 0],
  mand: [MS.MANDLOCK, 0],
  nomand: [0, MS.MANDLOCK],
  noatime: [MS.NOATIME, MS.RELATIME | MS.STRICTATIME],
  rnoatime: [MS.NOATIME, MS.RELATIME | MS.STRICTATIME],
  atime: [0, MS.NOATIME],
  ratime: [0, MS.NOATIME],
  nodiratime: [MS.NODIRATIME, 0],
  rnodiratime: [MS.NODIRATIME, 0],
  diratime: [0, MS.NODIRATIME],
  rdiratime: [0, MS.NODIRATIME],
  relatime: [MS.RELATIME, MS.NOATIME | MS.STRICTATIME],
  rrelatime: [MS.RELATIME, MS.NOATIME | MS.STRICTATIME],
  norelatime: [0, MS.RELATIME],
  rnorelatime: [0, MS.RELATIME],
  strictatime: [MS.STRICTATIME, MS.NOATIME | MS.RELATIME],
  rstrictatime: [MS.STRICTATIME, MS.NOATIME | MS.RELATIME],
  nostrictatime: [0, MS.STRICTATIME],
  rnostrictatime: [0, MS.STRICTATIME],
  iversion: [MS.I_VERSION, 0],
  noiversion: [0, MS.I_VERSION],
  lazytime: [MS.LAZYTIME, 0],
  nolazytime: [0, MS.LAZYTIME],
};

const PROPAGATION: Record<string, number> = {
  shared: MS.SHARED,
  slave: MS.SLAVE,
  private: MS.PRIVATE,
  unbindable: MS.UNBINDABLE,
  rshared: MS.SHARED | MS.REC,
  rslave: MS.SLAVE | MS.REC,
  rprivate: MS.PRIVATE | MS.REC,
  runbindable: MS.UNBINDABLE | MS.REC,
};

export interface MountOptions {
  /**
   * MS_ flags for nk-shadow's `bind`, with at most one kind of propagation. MS_REC says only that the bind is recursive:
   * "bind,rslave" does not have it.
   */
  flags: number;
  /** The propagation as its own mount(2) call would have it, with MS_REC; 0: none was given. */
  propagation: number;
  /** Everything that is not a flag, as the file system's own option string. */
  data: string;
}

/** Mount options of config.json, later ones winning over earlier ones. */
export function parseMountOptions(options: readonly string[] = []): MountOptions {
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const option of options) {
    const change = own(FLAGS, option);
    const kind = own(PROPAGATION, option);
    if (change) flags = (flags & ~change[1]) | change[0];
    else if (kind !== undefined) propagation = kind;
    else data.push(option);
  }
  return { flags: flags | (propagation & ALL_PROPAGATION), propagation, data: data.join(",") };
}

/** "rro", say: what "ro" says, of all that is mounted below as well. */
export function holdsBelow(option: string): boolean {
  const plain = option.startsWith("r") ? option.slice(1) : "";
  return option !== "rbind" && (own(FLAGS, plain) ?? own(PROPAGATION, plain)) !== undefined;
}

/** Own members only: an option may be called "constructor". */
function own<T>(table: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

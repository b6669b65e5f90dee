import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { VHOST_VSOCK } from "../../src/vm/qemu/share-device.ts";
import { staticProgram } from "../fixtures/static-program.ts";
import type { Runtime } from "./runtime.ts";

/** What every live share must do, for whoever has one to try: test/vm/share.test.ts and the matrix of test/kvm. */

/** A kind of live share, as a user asks for it. */
export interface LiveShare {
  flags: readonly string[];
  /** Cases that it is known to fail (docs/decisions/0003, 0009), with what the failure says. */
  differences: Readonly<Record<string, RegExp>>;
  /** Why it cannot be tried on this host; undefined: it can. */
  obstacle?: string;
}

/** The kinds of QEMU. */
export const QEMU_SHARES: Readonly<Record<string, LiveShare>> = {
  virtiofs: {
    flags: ["--vm-share=virtiofs"],
    differences: {
      "a file can be made without a name (O_TMPFILE)": /not supported/,
      "a default access control list stands in for the umask": /0666/,
      "an access control list says who may read": /may_read/,
    },
  },
  "9p": {
    flags: ["--vm-share=9p"],
    differences: {
      "a file that is open and has no name any more is a file": /ftruncate/,
      "a file can be made without a name (O_TMPFILE)": /not supported/,
      "times are kept to the nanosecond": /tv_nsec/,
      "a program loses its set-user-id bit when somebody else writes to it": /0777/,
      "sockets, fifos and devices": /bind/,
    },
  },
  "9p-vsock": {
    flags: ["--vm-share=9p-vsock"],
    differences: {
      "a file that is open stays itself when it or its folder is renamed": /No such file/,
      "a file that is open and has no name any more is a file": /fstat/,
      "a file can be made without a name (O_TMPFILE)": /not supported/,
      "times are kept to the nanosecond": /tv_nsec/,
    },
    ...(!existsSync(VHOST_VSOCK) && { obstacle: `no ${VHOST_VSOCK} on this host: the lab has one` }),
  },
};

/** A folder of the host that its guest has as /data; one file of it is also bound, read-only, as /etc/one-file. */
export interface SharedFolder {
  host: string;
  /** A shell in the guest; what it prints. */
  sh(this: void, script: string): Promise<string>;
  /** Runs a program of the folder in the guest. @throws what it said when it failed */
  run(this: void, program: string, ...args: string[]): Promise<void>;
}

/** What is in the folder before it is shared. */
export function makeHostFolder(): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), "nk-share-"));
  const file = join(folder, "one-file");
  writeFileSync(file, "a file by itself");
  for (const name of ["share-probe", "rights-probe"]) copyFileSync(staticProgram(name), join(folder, name));
  return { folder, file };
}

/** Such a folder in a container with a VM of its own. */
export class ContainerFolder implements SharedFolder {
  readonly host: string;
  private readonly runtime: Runtime;
  private readonly id: string;

  private constructor(runtime: Runtime, host: string, id: string) {
    this.runtime = runtime;
    this.host = host;
    this.id = id;
  }

  static async share(runtime: Runtime, { flags }: LiveShare): Promise<ContainerFolder> {
    const { folder, file } = makeHostFolder();
    const mounts = [
      { destination: "/data", type: "bind", source: folder, options: ["rbind"] },
      { destination: "/etc/one-file", type: "bind", source: file, options: ["bind", "ro"] },
    ];
    const id = await runtime.background({ mounts }, [...flags]);
    return new ContainerFolder(runtime, folder, id);
  }

  readonly sh = (script: string): Promise<string> => this.runtime.ok(["exec", this.id, "sh", "-c", script]);

  readonly run = async (program: string, ...args: string[]): Promise<void> => {
    await this.runtime.ok(["exec", this.id, program, ...args]);
  };

  async close(): Promise<void> {
    await this.runtime.ok(["delete", "--force", this.id]);
    rmSync(this.host, { recursive: true });
  }
}

/** A check of test/fixtures/share-probe.c, or of another program, in a folder of its own; which one. */
async function probe(
  { host, run }: SharedFolder,
  check: string,
  options: { prepare?: (folder: string) => void; args?: string[]; program?: string } = {},
): Promise<string> {
  const folder = join(host, check);
  mkdirSync(folder);
  options.prepare?.(folder);
  await run(`/data/${options.program ?? "share-probe"}`, check, `/data/${check}`, ...(options.args ?? []));
  return folder;
}

const RIGHTS = { program: "rights-probe" };

/** Ends the test that runs, with the reason why it cannot be tried here. */
type Skip = (reason: string) => void;

type Case = (folder: SharedFolder, skip: Skip) => Promise<void>;

/** In the order in which they are to be run, on one folder. */
export const SHARE_CASES: Readonly<Record<string, Case>> = {
  "what the host writes, changes, cuts and removes is seen at once": async ({ host, sh }) => {
    const file = join(host, "f");
    writeFileSync(file, "first");
    expect(await sh("cat /data/f")).toBe("first");
    writeFileSync(file, "again");
    expect(await sh("cat /data/f")).toBe("again");
    writeFileSync(file, "a longer text");
    expect(await sh("cat /data/f")).toBe("a longer text");
    writeFileSync(file, "x");
    expect(await sh("cat /data/f; test -e /data/f && echo there")).toBe("xthere\n");
    rmSync(file);
    expect(await sh("test -e /data/f || echo gone")).toBe("gone\n");
  },

  "what the guest writes is on the host at once, with owner, mode and links": async ({ host, sh }) => {
    await sh(
      "cd /data && echo hi >a && chown 12:34 a && chmod 4751 a && ln a hard && ln -s a soft && mkdir d && mv hard d/",
    );
    const { mode, uid, gid, nlink } = lstatSync(join(host, "a"));
    expect({ mode: mode & 0o7777, uid, gid, nlink }).toEqual({ mode: 0o4751, uid: 12, gid: 34, nlink: 2 });
    expect(lstatSync(join(host, "soft")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(host, "d/hard"), "utf8")).toBe("hi\n");
  },

  "a file that is bound by itself is there, and as read-only as it was given": async ({ sh }) => {
    expect(await sh("cat /etc/one-file; echo x 2>/dev/null >/etc/one-file || echo refused")).toBe(
      "a file by itselfrefused\n",
    );
  },

  "extended attributes go both ways": async (folder, skip) => {
    if (!holdsAttributes(folder.host)) skip(`the file system of ${folder.host} has no user attributes`);
    const at = await probe(folder, "attributes", {
      prepare: (dir) => {
        writeFileSync(join(dir, "from-host"), "");
        execFileSync("setfattr", ["-n", "user.from", "-v", "host", join(dir, "from-host")]);
      },
    });
    expect(attribute(join(at, "from-host"), "user.back")).toBe("guest");
    expect(attribute(join(at, "from-host"), "user.large")).toBe("l".repeat(3000));
  },

  "a shared mapping is the file": async (folder) => {
    const at = await probe(folder, "mapping");
    expect(readFileSync(join(at, "mapped")).subarray(4096, 4100).toString()).toBe("page");
  },

  "locks of parts and of whole files keep processes of the guest apart": async (folder) => {
    await probe(folder, "locks");
  },

  "renamed and linked files stay themselves": async (folder) => {
    const at = await probe(folder, "names");
    expect(readFileSync(join(at, "moved/third"), "utf8")).toBe("content");
  },

  "a file that is open stays itself when it or its folder is renamed": async (folder) => {
    await probe(folder, "renamed");
  },

  "a file that is open and has no name any more is a file": async (folder) => {
    const at = await probe(folder, "nameless");
    expect(readdirSync(at)).toEqual([]);
  },

  "a file can be made without a name (O_TMPFILE)": async (folder) => void (await probe(folder, "tmpfile")),

  "times are kept to the nanosecond": async (folder) => {
    const at = await probe(folder, "times");
    expect(lstatSync(join(at, "timed"), { bigint: true }).mtimeNs).toBe(2_000_987_654_321n);
  },

  "a program loses its set-user-id bit when somebody else writes to it": async (folder) => {
    const at = await probe(folder, "foreign", RIGHTS);
    expect(lstatSync(join(at, "program")).mode & 0o7777).toBe(0o777);
  },

  "a default access control list stands in for the umask": async (folder) => {
    const at = await probe(folder, "inherited", RIGHTS);
    expect(lstatSync(join(at, "open/file")).mode & 0o777).toBe(0o666);
  },

  "an access control list says who may read": async (folder) => void (await probe(folder, "listed", RIGHTS)),

  "sockets, fifos and devices": async (folder) => {
    const at = await probe(folder, "special");
    expect(lstatSync(join(at, "null")).rdev).toBe(0x103);
  },

  "a large file comes out the same": async ({ host, sh }) => {
    await sh("dd if=/dev/urandom of=/data/big bs=1M count=16 2>/dev/null; sha256sum </data/big >/data/sum");
    const [sum = ""] = readFileSync(join(host, "sum"), "utf8").split(" ");
    expect(execFileSync("sha256sum", [join(host, "big")], { encoding: "utf8" }).split(" ")[0]).toBe(sum);
  },

  "fifty programs start without a fault": async ({ host, sh }) => {
    copyFileSync("/bin/busybox", join(host, "busybox"));
    const loop = "i=0; while [ $i -lt 50 ]; do i=$((i+1)); /data/busybox true || echo bad; done; echo end";
    expect(await sh(loop)).toBe("end\n");
  },
};

/** Too long for each run: a folder with 10,000 files, and a file of 1 GiB. */
export const LONG_SHARE_CASES: Readonly<Record<string, Case>> = {
  "10,000 files": async (folder) => {
    const at = await probe(folder, "many", { args: ["10000"] });
    expect(readdirSync(join(at, "many")).length).toBe(5000);
  },

  "a file of 1 GiB": async (folder) => {
    const at = await probe(folder, "large", { args: ["1024"] });
    expect(lstatSync(join(at, "large")).size).toBe(2 ** 30);
  },
};

/** Runs one; a known difference must show, or the documentation is wrong. */
export async function runShareCase(
  share: LiveShare,
  name: string,
  folder: SharedFolder,
  skip: Skip,
): Promise<void> {
  const run = SHARE_CASES[name] ?? LONG_SHARE_CASES[name];
  if (run === undefined) throw new Error(`there is no case "${name}"`);
  const difference = share.differences[name];
  const result = run(folder, skip);
  if (difference === undefined) await result;
  else await expect(result).rejects.toThrow(difference);
}

/** A tmpfs does since Linux 6.6. */
function holdsAttributes(folder: string): boolean {
  return spawnSync("setfattr", ["-n", "user.probe", "-v", "x", folder]).status === 0;
}

function attribute(path: string, name: string): string {
  return execFileSync("getfattr", ["--absolute-names", "--only-values", "-n", name, path], {
    encoding: "utf8",
  });
}

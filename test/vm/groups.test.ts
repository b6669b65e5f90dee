import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VIRTIOFSDS } from "../fixtures/virtiofsd.ts";
import { Runtime } from "./runtime.ts";

/** A user's further groups in a shared folder, as Kubernetes gives them (fsGroup): the guest's kernel decides, whoever serves. */

const USER = 1000;
const GROUP = 2000;

const SHARES = [
  ...VIRTIOFSDS.map(({ flavour, path, obstacle }) => ({
    name: `virtiofs by the server in ${flavour}`,
    flag: "--vm-share=virtiofs",
    env: { NK_VIRTIOFSD: path },
    obstacle,
  })),
  ...["9p", "block"].map((name) => ({ name, flag: `--vm-share=${name}`, env: {}, obstacle: undefined })),
];

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

/** A folder of the host with this owner and mode. */
function folder(path: string, gid: number, mode: number): void {
  mkdirSync(path);
  chownSync(path, 0, gid);
  chmodSync(path, mode);
}

describe.each(SHARES)("$name", ({ flag, env, obstacle }) => {
  const note = obstacle === undefined ? "" : ` (not tried: ${obstacle})`;

  it.skipIf(obstacle !== undefined)(`lets a user use its groups, and no others${note}`, async () => {
    const volume = join(runtime.root, ".volume");
    folder(volume, 0, 0o755);
    folder(join(volume, "ours"), GROUP, 0o2775);
    folder(join(volume, "looked-at"), GROUP, 0o2750);
    folder(join(volume, "others"), GROUP + 1, 0o2770);
    writeFileSync(join(volume, "secret"), "of root", { mode: 0o600 });
    const script = [
      "umask 027; cd /vol",
      "touch ours/file && mkdir ours/folder && ln ours/file ours/link && mv ours/link ours/moved",
      "ls looked-at",
      "for try in 'touch looked-at/file' 'touch others/file' 'ls others' 'touch file' 'cat secret' 'chown 0 ours/file'",
      'do $try 2>/dev/null && echo "not refused: $try"; done; true',
    ].join("\n");
    const { code, stdout, stderr } = await runtime.run(
      {
        args: ["sh", "-c", script],
        user: { uid: USER, gid: USER, additionalGids: [GROUP] },
        capabilities: [],
        mounts: [{ destination: "/vol", source: volume, options: ["rbind", "rw"] }],
      },
      [flag],
      { env },
    );
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
    const seen = ["file", "folder", "moved"].map((name) => statSync(join(volume, "ours", name)));
    // The group is the folder's, and that folders have it is handed down; the umask is the user's.
    expect(seen.map(({ uid, gid, mode }) => [uid, gid, (mode & 0o7777).toString(8)])).toEqual([
      [USER, GROUP, "640"],
      [USER, GROUP, "2750"],
      [USER, GROUP, "640"],
    ]);
  });
});

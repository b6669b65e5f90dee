import { QEMU_SHARES } from "./share-cases.ts";
import type { Listed } from "../fixtures/tree.ts";

/** A difference that is known and documented. */
interface Difference {
  what: string;
  readonly applies: (file: Listed) => boolean;
  /** What the differing fields are replaced by, on both sides, before they are compared. */
  readonly without: (file: Listed) => Partial<Listed>;
  /** It shows only when the host's file system is another one than the image's. */
  dependsOnHost?: true;
}

/** One way to get a tree into a guest. */
export interface ShareUnderTest {
  name: string;
  flags: string[];
  readonlyRoot?: boolean;
  differences: Difference[];
  /** Why it cannot be tried on this host; undefined: it can. */
  obstacle?: string | undefined;
}

const FOLDERS_OF_ANOTHER_FILE_SYSTEM: Difference = {
  what: "folders have the size that the image's file system gives them",
  applies: ({ type }) => type === "d",
  without: () => ({ sizeBytes: "" }),
  dependsOnHost: true,
};

const NO_HOLES: Difference = {
  what: "holes are filled, blocks are counted in erofs's way",
  applies: () => true,
  without: () => ({ allocatedBytes: "" }),
};

const NO_TRUSTED: Difference = {
  what: "attributes in the namespace trusted are not there",
  applies: ({ xattrs }) => xattrs.includes("trusted."),
  without: ({ xattrs }) => ({ xattrs: withoutNamespaces(xattrs, ["trusted"]) }),
};

const EROFS = ["--vm-share=block", "--vm-block-fs=erofs"];

/** docs/decisions/0007-block-images.md has the same list for people, 0003-share-choice.md that of live shares. */
export const SHARES: ShareUnderTest[] = [
  {
    name: "virtiofs",
    flags: ["--vm-share=virtiofs"],
    differences: [NO_TRUSTED],
  },
  {
    name: "9p",
    flags: ["--vm-share=9p"],
    differences: [
      {
        what: "attributes in the namespaces trusted and security are not there, file capabilities among them",
        applies: ({ xattrs }) => /(trusted|security)\./.test(xattrs),
        without: ({ xattrs }) => ({ xattrs: withoutNamespaces(xattrs, ["trusted", "security"]) }),
      },
    ],
  },
  {
    name: "9p-vsock",
    flags: ["--vm-share=9p-vsock"],
    obstacle: QEMU_SHARES["9p-vsock"]?.obstacle,
    differences: [NO_TRUSTED],
  },
  {
    name: "block, ext4",
    flags: ["--vm-share=block", "--vm-block-fs=ext4"],
    differences: [
      FOLDERS_OF_ANOTHER_FILE_SYSTEM,
      {
        what: "blocks are counted in ext4's way; what has holes keeps them",
        applies: () => true,
        without: (file) => ({ allocatedBytes: hasHoles(file) ? "holes" : "" }),
        dependsOnHost: true,
      },
      {
        what: "times are whole seconds, but for the top folder",
        applies: ({ path }) => path !== "/",
        without: ({ mtime }) => ({ mtime: mtime.replace(/\.\d+$/, "") }),
      },
    ],
  },
  {
    name: "block, erofs",
    flags: EROFS,
    differences: [
      FOLDERS_OF_ANOTHER_FILE_SYSTEM,
      NO_HOLES,
      {
        what: "the top folder has one link, as all merged folders of an overlay",
        applies: ({ path }) => path === "/",
        without: () => ({ links: "" }),
      },
    ],
  },
  {
    name: "block, erofs, read-only",
    flags: EROFS,
    readonlyRoot: true,
    differences: [FOLDERS_OF_ANOTHER_FILE_SYSTEM, NO_HOLES],
  },
];

function withoutNamespaces(xattrs: string, namespaces: string[]): string {
  return xattrs
    .split(",")
    .filter((xattr) => !namespaces.some((namespace) => xattr.startsWith(`${namespace}.`)))
    .join(",");
}

/** Much less on the disk than its size. */
function hasHoles({ type, sizeBytes, allocatedBytes }: Listed): boolean {
  return type === "f" && Number(sizeBytes) - Number(allocatedBytes) > 1024 ** 2;
}

export interface Comparison {
  /** Files that differ in more than what is documented: "path: field: host's | guest's". */
  unexpected: string[];
  /** Documented differences that nothing showed: the documentation is wrong. */
  unseen: string[];
}

export function compare(host: Listed[], guest: Listed[], differences: Difference[]): Comparison {
  const seen = new Set<string>();
  const guestByPath = new Map(guest.map((file) => [file.path, file]));
  const unexpected = host.flatMap((file) => {
    const other = guestByPath.get(file.path);
    guestByPath.delete(file.path);
    if (other === undefined) return [`${file.path}: missing in the guest`];
    let [ours, theirs] = [file, other];
    for (const { what, applies, without } of differences) {
      if (!applies(file)) continue;
      const [nextOurs, nextTheirs] = [
        { ...ours, ...without(ours) },
        { ...theirs, ...without(theirs) },
      ];
      if (fieldsThatDiffer(ours, theirs).length > fieldsThatDiffer(nextOurs, nextTheirs).length)
        seen.add(what);
      [ours, theirs] = [nextOurs, nextTheirs];
    }
    return fieldsThatDiffer(ours, theirs).map(
      (field) => `${file.path}: ${field}: ${ours[field].slice(0, 200)} | ${theirs[field].slice(0, 200)}`,
    );
  });
  for (const path of guestByPath.keys()) unexpected.push(`${path}: only in the guest`);
  return {
    unexpected,
    unseen: differences
      .filter(({ what, dependsOnHost }) => !dependsOnHost && !seen.has(what))
      .map(({ what }) => what),
  };
}

function fieldsThatDiffer(one: Listed, other: Listed): (keyof Listed)[] {
  return (Object.keys(one) as (keyof Listed)[]).filter((field) => one[field] !== other[field]);
}

/** As many as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Where a path leads within a root, with every symbolic link on the way taken as it is there: "/" is the root, and no ".." leads above it. What is not
 * there leads nowhere further.
 * @param path its names from the root on
 * @param linkAt the target of the link at a place that has no links on the way to it; undefined: no link, or not to be followed
 * @param tooMany the error for a chain without an end, of which `at` is a link
 * @returns the names from the root on
 */
export function followLinks(
  path: readonly string[],
  linkAt: (at: readonly string[], isLast: boolean) => string | undefined,
  tooMany: (at: readonly string[]) => Error,
): string[] {
  const left = [...path];
  let reached: string[] = [];
  let links = 0;
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      reached = reached.slice(0, -1);
      continue;
    }
    const next = [...reached, name];
    const target = linkAt(next, left.length === 0);
    if (target === undefined) {
      reached = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw tooMany(next);
    if (target.startsWith("/")) reached = [];
    left.unshift(...target.split("/"));
  }
  return reached;
}

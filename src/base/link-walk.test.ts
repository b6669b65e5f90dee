import { expect, it } from "vitest";
import { followLinks } from "./link-walk.ts";

const LINKS: Record<string, string> = {
  "/up": "../../etc",
  "/abs": "/usr//./lib/",
  "/usr/lib": "../lib64",
  "/loop": "loop",
  "/dangling": "no/where",
};

function walk(path: string, followLast = true): string {
  const names = followLinks(
    path.split("/"),
    (at, isLast) => (isLast && !followLast ? undefined : LINKS[`/${at.join("/")}`]),
    (at) => new Error(`too many at ${at.join("/")}`),
  );
  return `/${names.join("/")}`;
}

it.each([
  ["/", "/"],
  ["//a/./b//c/", "/a/b/c"],
  ["/../../a/../b", "/b"],
  ["/up/x", "/etc/x"],
  ["/abs/x", "/lib64/x"],
  ["/dangling/../x", "/no/x"],
  ["/a/up", "/a/up"],
])("%s leads to %s, within the root", (path, place) => {
  expect(walk(path)).toBe(place);
});

it("the last name is the caller's to follow", () => {
  expect(walk("/abs", false)).toBe("/abs");
  expect(walk("/abs/x", false)).toBe("/lib64/x");
});

it("a chain without an end is told, with a link of it", () => {
  expect(() => walk("/loop/x")).toThrow("too many at loop");
});

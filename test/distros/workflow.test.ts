import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { started, typed } from "../vm/typed.ts";

/** The lines of docs/vm-mode.md, "From the build scripts to a container", after the scripts that test-distros.sh has typed. */
const PAGE = readFileSync(fileURLToPath(new URL("../../docs/vm-mode.md", import.meta.url)), "utf8");

/** The commands of the page's example: what follows a `\` belongs to the line before. */
function commands(): string[] {
  const example = /^## From the build scripts[^]*?^```\n([^]*?)^```/m.exec(PAGE)?.[1] ?? "";
  return example
    .replaceAll("\\\n", "")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}

it("the workflow works as the documentation has it", async () => {
  const [build, rootfs, install, run = "", state = "", exec = "", remove = "", ...rest] = commands();
  expect([build, rootfs, install]).toEqual([
    "./scripts/build-kernel.sh",
    "./scripts/build-rootfs.sh",
    "sudo ./scripts/install.sh",
  ]);
  expect(rest).toEqual([]);

  const { ended } = await started(run, state.replace("state", "state --short"));
  expect(typed(state)).toMatch(/"status": "running"/);
  const shell = typed(exec, "ps -ef\nuname -r\nexit\n");
  expect(shell).toMatch(/^ *1 .*while :/m);
  expect(shell).toMatch(/\/bin\/sh/);
  typed(remove);
  await ended;
  expect(() => typed(`${state} 2>/dev/null`)).toThrow();
});

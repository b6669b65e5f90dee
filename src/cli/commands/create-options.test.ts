import { expect, it } from "vitest";
import { NkError } from "../../base/errors.ts";
import { withoutPathsIn } from "./create-options.ts";

it("names no file of a state folder that is gone", () => {
  const dir = "/run/nano-sandbox/c1";
  const details = {
    log: `no room for ${dir}/fs.sock`,
    see: `${dir}/vmm.log`,
    phase: "boot",
    exitStatus: 130,
  };
  const { message, log, see, phase, exitStatus } = withoutPathsIn(
    dir,
    new NkError("VMM", `cannot bind ${dir}/qmp.sock`, details),
  );
  expect({ message, log, see, phase, exitStatus }).toEqual({
    message: "cannot bind qmp.sock",
    log: "no room for fs.sock",
    see: undefined,
    phase: "boot",
    exitStatus: 130,
  });
});

it("leaves what lies elsewhere", () => {
  const error = new NkError("HOST", "cannot open /run/nano-sandbox/c10/x", { see: "/proc/7/stack" });
  expect(withoutPathsIn("/run/nano-sandbox/c1", error)).toMatchObject({
    message: error.message,
    see: error.see,
  });
});

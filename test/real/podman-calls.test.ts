import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD, LIFE, RUN, VOLUMES } from "./podman-calls.ts";
import { Podman, RUNTIMES } from "./podman.ts";

/** Each call of podman says what it says with runc, whatever the runtime: in both modes of ours. */

let runc: Podman;

beforeAll(async () => {
  runc = await Podman.make("netavark", { runtime: "runc" });
});
afterAll(() => runc[Symbol.asyncDispose]());

const answers = new Map<string, unknown>();

describe.each([RUNTIMES.container, RUNTIMES.vm])("podman with $name", ({ path }) => {
  let podman: Podman;

  beforeAll(async () => {
    podman = await Podman.make("netavark", { runtime: path, settings: {} });
  });
  afterAll(() => podman[Symbol.asyncDispose]());

  it.each([...RUN, ...VOLUMES, ...LIFE, ...BUILD])("$name", async ({ name, answer }) => {
    if (!answers.has(name)) answers.set(name, await answer(runc));
    expect(await answer(podman)).toEqual(answers.get(name));
  });
});

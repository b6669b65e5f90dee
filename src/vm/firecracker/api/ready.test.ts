import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RawServer } from "../testing/raw-server.ts";
import { Deadline } from "../../../base/deadline.ts";
import { NkError } from "../../../base/errors.ts";
import { connectWhenReady } from "./ready.ts";

const alive = new Promise<never>(() => {});
let version: string;
let server: RawServer;

beforeEach(() => {
  version = "1.16.1";
  server = new RawServer((socket) => {
    const body = JSON.stringify({ firecracker_version: version });
    socket.write(`HTTP/1.1 200 \r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
});

afterEach(() => server.close());

describe("connectWhenReady", () => {
  test("waits for the socket to be there", async () => {
    const ready = connectWhenReady(server.path, alive, Deadline.after(2000));
    setTimeout(() => void server.listen(), 30);
    const api = await ready;
    expect(api.version.text).toBe("1.16.1");
    api.close();
  });

  test("ends with the process", async () => {
    const death = Promise.reject(new NkError("VMM", "Firecracker exited with code 1"));
    const ready = connectWhenReady(server.path, death, Deadline.after(2000));
    await expect(ready).rejects.toThrow("Firecracker exited with code 1");
  });

  test("ends at its deadline when nobody listens", async () => {
    const ready = connectWhenReady(server.path, alive, Deadline.after(30));
    await expect(ready).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("refuses a Firecracker that is too old", async () => {
    version = "1.13.1";
    await server.listen();
    const ready = connectWhenReady(server.path, alive, Deadline.after(2000));
    await expect(ready).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("Firecracker 1.13.1 is too old: 1.14.0 or later is needed"),
    });
  });

  test("refuses what is no Firecracker", async () => {
    version = "latest";
    await server.listen();
    const ready = connectWhenReady(server.path, alive, Deadline.after(2000));
    await expect(ready).rejects.toThrow('expected a version of Firecracker like 1.16.1, found "latest"');
  });
});

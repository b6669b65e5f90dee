// The client of Firecracker's API where the stand-in does not answer as it should, and its vsock.
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { AgentConnection } from "../../src/agent/connection.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { startInstance } from "../../src/vm/firecracker/api/actions.ts";
import { describeInstance } from "../../src/vm/firecracker/api/describe.ts";
import { getMachineConfig } from "../../src/vm/firecracker/api/machine-config.ts";
import { connectWhenReady } from "../../src/vm/firecracker/api/ready.ts";
import { listenForGuest } from "../../src/vm/firecracker/vsock.ts";
import { dialGuest } from "../../src/vm/firecracker/vsock-dial.ts";
import { connectTo } from "../fixtures/fake-firecracker.ts";
import { closeAll, configured, connected, death, soon, start } from "./firecracker-rig.ts";

afterEach(closeAll);

describe("when it goes wrong", () => {
  test("ten other connections: the reason is said, and the client goes on when there is room", async () => {
    const fake = start();
    await fake.ready();
    const others: Socket[] = [];
    for (let count = 0; count < 10; count += 1) others.push(await connectTo(fake.socketPath));
    await expect(connected(fake)).rejects.toThrow("has ten connections already, and takes no more");
    for (const socket of others) socket.destroy();
    const api = await vi.waitFor(() => connected(fake));
    expect((await describeInstance(api, soon())).id).toBe("vm-1");
  });

  test("an end before the socket is there is heard at once", async () => {
    const fake = start({ NK_FAKE_FC_FAULT: "exit-before-bind:3" });
    await expect(connectWhenReady(fake.socketPath, death(fake), soon())).rejects.toThrow(
      "Firecracker ended: 3",
    );
  });

  test("a socket that never comes ends with the deadline", async () => {
    const fake = start({ NK_FAKE_FC_FAULT: "never-bind" });
    const ready = connectWhenReady(fake.socketPath, death(fake), Deadline.after(300));
    await expect(ready).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("a connection that is cut off, and an end at the start, have no status", async () => {
    const { api } = await configured({ NK_FAKE_FC_FAULT: "reset:/actions" });
    await expect(startInstance(api, soon())).rejects.toMatchObject({ code: "VMM", status: undefined });
    expect((await describeInstance(api, soon())).state).toBe("Not started");
    const other = await configured({ NK_FAKE_FC_FAULT: "start-exits:1" });
    await expect(startInstance(other.api, soon())).rejects.toMatchObject({ code: "VMM", status: undefined });
  });

  test("a slow answer ends with the deadline, and is not taken for that of the next request", async () => {
    const fake = start({ NK_FAKE_FC_FAULT: "slow:300" });
    const api = await connected(fake);
    await expect(getMachineConfig(api, Deadline.after(100))).rejects.toMatchObject({
      code: "TIMEOUT",
      request: "GET /machine-config",
    });
    expect((await describeInstance(api, soon())).id).toBe("vm-1");
  });
});

describe("vsock", () => {
  test("the agent in the guest is taken when it dials, and again when its connection was dropped", async () => {
    const { fake, api } = await configured({ NK_FAKE_FC_GUEST: "agent" });
    const arrived: ((socket: Socket) => void)[] = [];
    const next = (): Promise<Socket> => new Promise((resolve) => arrived.push(resolve));
    const onConnection = (socket: Socket): void => arrived.shift()?.(socket);
    const listener = await listenForGuest(join(fake.folder, "v.sock"), 52, { onConnection });
    const [first, second] = [next(), next()];
    try {
      await startInstance(api, soon());
      for (const dialled of [first, second]) {
        const socket = await dialled;
        const connection = new AgentConnection(socket, { frame: () => {} }, () => {});
        expect((await soon().race(connection.hello, "the agent's hello")).protocol).toBe(1);
        connection.close();
      }
    } finally {
      listener.close();
    }
  });

  test("a guest where nobody listens is asked until the deadline", async () => {
    const { fake, api } = await configured();
    await startInstance(api, soon());
    await expect(dialGuest(join(fake.folder, "v.sock"), 52, Deadline.after(200))).rejects.toMatchObject({
      code: "TIMEOUT",
    });
  });
});

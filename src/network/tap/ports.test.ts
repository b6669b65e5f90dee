import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, it } from "vitest";
import type { Publication } from "../network.ts";
import { HeldPorts } from "./ports.ts";

/** A port that is free for both protocols, most likely. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const addresses = [undefined, "0.0.0.0", "127.0.0.1", "::", "::1"];
const cases = addresses.flatMap((address) => [
  { address, protocol: "tcp" as const },
  { address, protocol: "udp" as const },
]);

it.for(cases)("holds a port of $protocol of the address $address, and says who wants it too", async (at) => {
  const publication: Publication = {
    ...(at.address !== undefined && { address: at.address }),
    hostPort: await freePort(),
    port: 80,
    protocol: at.protocol,
  };
  const held = await HeldPorts.hold([publication]);
  try {
    await expect(HeldPorts.hold([publication])).rejects.toThrow(/in use on this host/);
  } finally {
    held.close();
  }
});

it("passes a datagram on from a port of one IPv4 address", async () => {
  const target = createSocket("udp4").bind(0, "127.0.0.1");
  await once(target, "listening");
  target.on("message", (datagram, from) => target.send(datagram, from.port, from.address));
  const hostPort = await freePort();
  const held = await HeldPorts.hold([
    { address: "127.0.0.1", hostPort, port: target.address().port, protocol: "udp" },
  ]);
  held.leadTo("127.0.0.1");
  const client = createSocket("udp4");
  try {
    client.send("hello", hostPort, "127.0.0.1");
    const [answer] = (await once(client, "message")) as [Buffer];
    expect(String(answer)).toBe("hello");
  } finally {
    client.close();
    held.close();
    target.close();
  }
});

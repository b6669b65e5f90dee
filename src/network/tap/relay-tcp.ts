import { connect, createServer, type Server, type Socket } from "node:net";
import { TIMEOUT_SCALE } from "../../base/deadline.ts";

/** Where to; undefined: nothing is there yet. */
export type TargetAddress = () => string | undefined;

const CONNECT_TIMEOUT_MS = 20_000;
/** After so long without a byte the peer is asked whether it still is there. */
const KEEP_ALIVE_MS = 60_000;
/** What is beyond is closed at once. */
const MAX_CONNECTIONS = 1024;

/** A server that passes each connection on, until both ends have ended it or one has broken it. @returns what ends all of them as well */
export function relayTcp(port: number, target: TargetAddress): { server: Server; close: () => void } {
  const open = new Set<Socket>();
  const server = createServer(
    { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    (client) => {
      track(open, client);
      const host = target();
      if (host === undefined) {
        client.resetAndDestroy();
        return;
      }
      const upstream = dial(host, port);
      track(open, upstream);
      join(client, upstream);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return {
    server,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function dial(host: string, port: number): Socket {
  const socket = connect({
    host,
    port,
    allowHalfOpen: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  const timer = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT_MS * TIMEOUT_SCALE);
  socket.once("connect", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
  return socket;
}

function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  socket.setNoDelay(true).once("close", () => open.delete(socket));
}

/** `pipe` waits for a slow reader, and ends the one when the other has ended. What breaks one side breaks the other. */
function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    // The reason is told to nobody: the peer sees a reset, as it would without us between.
    from.on("error", () => breakOff(to));
    from.on("close", () => {
      // What it had sent before its end is still to be written.
      if (!from.readableEnded) breakOff(to);
    });
  }
}

/** One that is not connected yet would first be, before it was reset. */
function breakOff(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

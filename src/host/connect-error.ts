import { connect } from "node:net";

/** The error number by name with which a Unix socket refuses a connection ("ECONNREFUSED": nobody listens); undefined: somebody takes it. */
export function connectError(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

import { connect } from "node:net";

/** Resolves when no monitor listens on the socket any more: its process has ended, or is about to when it was killed. */
export function monitorGone(socketPath: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
  });
}

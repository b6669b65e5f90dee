import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A server on a Unix socket that says exactly what a test wants, byte by byte. */
export class RawServer {
  readonly dir = mkdtempSync(join(tmpdir(), "nk-raw-"));
  readonly path = join(this.dir, "s");
  /** What arrived, one item for each chunk, over all connections. */
  readonly received: string[] = [];
  connections = 0;
  private readonly server: Server;
  private readonly open = new Set<Socket>();

  /** @param onChunk answers what has arrived; `connection` counts from 1 */
  constructor(onChunk: (socket: Socket, chunk: string, connection: number) => void) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.connections += 1;
      const connection = this.connections;
      this.open.add(socket);
      socket.on("error", () => {});
      socket.on("end", () => socket.destroy());
      socket.on("close", () => this.open.delete(socket));
      socket.on("data", (chunk: Buffer) => {
        this.received.push(chunk.toString());
        onChunk(socket, chunk.toString(), connection);
      });
    });
  }

  listen(path = this.path): Promise<void> {
    return new Promise((resolve) => {
      this.server.listen(path, resolve);
    });
  }

  close(): void {
    for (const socket of this.open) socket.destroy();
    this.server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

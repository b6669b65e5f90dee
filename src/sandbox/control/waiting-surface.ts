import type { Socket } from "node:net";
import { asNkError, NkError } from "../../base/errors.ts";
import { isObject } from "../../base/json.ts";
import type { Adoption } from "../../contract/adoption.ts";
import { parseRequest } from "../../contract/parse-request.ts";
import { whyNoRecord } from "../../state/check-record.ts";
import type { ControlSurface } from "./surface.ts";

/** A container's config.json is not in it. */
const MAX_LINE_BYTES = 1024 * 1024;

/** What the surface speaks to: a VM that waits (src/sandbox/waiting.ts). */
export interface Adoptable {
  describe(): unknown;
  adopt(adoption: Adoption, socket: Socket): void;
  stop(): Promise<void>;
}

/** What can be asked of a VM that waits. */
export function waitingSurface(waiting: Adoptable): ControlSurface {
  return {
    async request(method, path) {
      if (method === "GET" && path === "/state") return waiting.describe();
      if (method === "POST" && path === "/stop") return waiting.stop();
      throw unknown(`${method} ${path}`);
    },
    upgrade(path, _, accept) {
      if (path !== "/adopt") throw unknown(path);
      const { socket, head } = accept();
      readLine(socket, head, (line) => waiting.adopt(parseAdoption(line), socket));
    },
  };
}

function unknown(request: string): NkError {
  return new NkError(
    "USAGE",
    `unknown request ${request} to a VM that waits (known: GET /state, POST /stop, POST /adopt)`,
  );
}

/** One that sends something else has its connection closed; the VM waits on. */
function readLine(socket: Socket, head: Buffer, take: (line: Buffer) => void): void {
  let text = head;
  const look = (): void => {
    const end = text.indexOf(10);
    if (end < 0 && text.length <= MAX_LINE_BYTES) return;
    socket.off("data", more);
    try {
      if (end < 0) throw new NkError("USAGE", `expected a line of at most ${MAX_LINE_BYTES} bytes`);
      take(text.subarray(0, end));
    } catch (error) {
      socket.end(`${JSON.stringify({ error: asNkError(error).toJson() })}\n`);
    }
  };
  const more = (chunk: Buffer): void => {
    text = Buffer.concat([text, chunk]);
    look();
  };
  socket.on("data", more);
  look();
}

function parseAdoption(line: Buffer): Adoption {
  const { container, cpuLimits, cgroups, network } = parseRequest(line, "the adoption");
  const isWhole = isObject(container) && whyNoRecord(container) === undefined && isObject(container["vm"]);
  if (!isWhole || !Array.isArray(cpuLimits) || !Array.isArray(cgroups) || !isObject(network))
    throw new NkError(
      "USAGE",
      "the adoption: expected a container with its VM, cpuLimits, cgroups and a network",
    );
  return { container, cpuLimits, cgroups, network } as unknown as Adoption;
}

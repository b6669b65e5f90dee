import { NkError } from "../../base/errors.ts";
import { isObject, kindOf } from "../../base/json.ts";
import type { Container } from "../containers/container.ts";
import type { Accepted, ControlSurface } from "./surface.ts";
import type { ControlTarget } from "./target.ts";
import { sandboxStats } from "./stats.ts";

export type Body = Record<string, unknown>;
type MachineHandler = (target: ControlTarget, body: Body) => unknown;
type ContainerHandler = (target: ControlTarget, container: Container, body: Body) => unknown;

/** What can be asked of the VM, as `METHOD /path`. */
const MACHINE: Record<string, MachineHandler> = {
  "GET /health": () => ({ status: "ready" }),
  "GET /state": (target) => target.describe(),
  "GET /stats": (target) => sandboxStats(target),
  "POST /pause": (target) => target.pause(),
  "POST /resume": (target) => target.resume(),
  "POST /stop": (target) => target.stop(),
  "POST /agent": ({ microvm }, body) => microvm.running().agent.raw(body),
};

/** What can be asked of one container, below `/containers/ID`. */
const CONTAINER: Record<string, ContainerHandler> = {
  "GET /state": (_, container) => container.record,
  "POST /start": (target, container) => target.start(container),
  "POST /kill": (_, container, { signal, all }) => container.kill(signalNumber(signal), all === true),
  "POST /pause": (_, container) => container.pause(),
  "POST /resume": (_, container) => container.resume(),
  "POST /update": (_, container, { change }) => container.update(resourceChange(change)),
  "POST /end": (target, container, { force }) => target.end(container, force === true),
  "GET /ps": (_, container) => container.running().ps(container.record.id),
  "GET /stats": (_, container) => container.running().stats(container.record.id),
};

/** `/containers/ID/REST` */
const OF_CONTAINER = /^\/containers\/([\w+.-]+)(\/[a-z]+)$/;

/** What can be asked of a sandbox. */
export function sandboxSurface(target: ControlTarget): ControlSurface {
  return {
    request: (method, path, readBody) => route(target, method, path, readBody),
    upgrade: (path, headers, accept) => upgrade(target, path, headers, accept),
  };
}

/** @throws USAGE for an unknown request, NOT_FOUND for an unknown container, and what the operation throws. */
async function route(
  target: ControlTarget,
  method: string,
  path: string,
  readBody: () => Promise<Body>,
): Promise<unknown> {
  const [, id, rest] = OF_CONTAINER.exec(path) ?? [];
  if (id !== undefined && rest !== undefined) {
    const handler = CONTAINER[`${method} ${rest}`];
    if (!handler) throw unknown(method, path);
    const container = target.members.get(id);
    if (rest !== "/state" && rest !== "/end") target.microvm.running();
    return handler(target, container, await readBody());
  }
  const handler = MACHINE[`${method} ${path}`];
  if (!handler) throw unknown(method, path);
  return handler(target, await readBody());
}

const OF_PORT = /^\/ports\/(\d{1,5})$/;

/** An exec shadow names its container: `/containers/ID/exec`. */
function upgrade(
  target: ControlTarget,
  path: string,
  headers: NodeJS.Dict<string | string[]>,
  accept: () => Accepted,
): void {
  const [, id, rest] = OF_CONTAINER.exec(path) ?? [];
  if (id !== undefined && rest === "/exec") {
    const { execs } = target.members.get(id);
    const { socket, head } = accept();
    return execs.accept(socket, head, () => {
      target.microvm.running();
      return target.members.get(id).running();
    });
  }
  if (path === "/containers") {
    const pid = shadowPid(headers);
    const { socket, head } = accept();
    return target.join(socket, head, pid);
  }
  const port = Number(OF_PORT.exec(path)?.[1]);
  if (port >= 1 && port <= 65_535) return target.microvm.ports.connect(port, accept);
  if (path !== "/console") throw new NkError("USAGE", `${path} cannot be upgraded`);
  const { vm } = target.microvm.running();
  vm.attachConsole(accept().socket);
}

function shadowPid(headers: NodeJS.Dict<string | string[]>): number {
  const pid = Number(headers["nk-shadow-pid"]);
  if (Number.isInteger(pid) && pid > 1) return pid;
  throw new NkError("USAGE", "expected the pid of a shadow in the header Nk-Shadow-Pid");
}

function unknown(method: string, path: string): NkError {
  const container = Object.keys(CONTAINER).map((name) => name.replace(" ", " /containers/ID"));
  const known = [...Object.keys(MACHINE), ...container].join(", ");
  return new NkError("USAGE", `unknown request ${method} ${path} (known: ${known})`);
}

function resourceChange(value: unknown): Body {
  if (isObject(value)) return value;
  throw new NkError("USAGE", `change: expected members of linux.resources, found ${kindOf(value)}`);
}

function signalNumber(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 64) return value;
  throw new NkError("USAGE", `signal: expected a number from 1 to 64, found ${String(value)}`);
}

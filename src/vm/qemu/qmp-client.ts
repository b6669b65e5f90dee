import type { Duplex } from "node:stream";
import type { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";

/** QEMU's own limit on a QMP message is 64 MiB; what is asked for here is answered in a few hundred bytes. */
const MAX_LINE_BYTES = 1024 * 1024;

export interface QmpEvent {
  event: string;
  data: Record<string, unknown>;
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: NkError) => void;
  command: string;
}

/**
 * QEMU Machine Protocol (docs/interop/qmp-spec.txt of QEMU): lines of JSON over a connected stream. `negotiate` comes
 * first. When the stream ends, every request that waits fails, and so does every later one.
 */
export class QmpClient {
  private readonly stream: Duplex;
  private readonly onEvent: (event: QmpEvent) => void;
  private readonly pending = new Map<number, Pending>();
  private readonly greeting: Promise<string>;
  private greet: (version: string) => void = () => {};
  private refuse: (error: NkError) => void = () => {};
  private rest: Buffer = Buffer.alloc(0);
  private lastId = 0;
  private gone: NkError | undefined;

  constructor(stream: Duplex, onEvent: (event: QmpEvent) => void) {
    this.stream = stream;
    this.onEvent = onEvent;
    this.greeting = new Promise((resolve, reject) => {
      this.greet = resolve;
      this.refuse = reject;
    });
    this.greeting.catch(() => {});
    stream.on("data", (chunk: Buffer) => this.receive(chunk));
    stream.on("error", (error) => this.fail(`the QMP connection broke: ${error.message}`));
    stream.once("close", () => this.fail("the QMP connection was closed"));
    stream.once("end", () => this.fail("QEMU closed the QMP connection"));
  }

  /** Waits for QEMU's greeting and leaves capabilities negotiation. @returns QEMU's version. */
  async negotiate(deadline: Deadline): Promise<string> {
    const version = await deadline.race(this.greeting, "QEMU's QMP greeting");
    await this.execute("qmp_capabilities", undefined, deadline);
    return version;
  }

  /** @throws VMM with QEMU's own words, TIMEOUT. */
  async execute(command: string, args: object | undefined, deadline: Deadline): Promise<unknown> {
    if (this.gone !== undefined) throw this.gone;
    this.lastId += 1;
    const id = this.lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.pending.set(id, { resolve, reject, command });
    });
    this.stream.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    try {
      return await deadline.race(answer, `QEMU's answer to ${command}`);
    } finally {
      this.pending.delete(id);
    }
  }

  close(): void {
    this.stream.destroy();
  }

  private receive(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    for (let end = this.rest.indexOf(10); end >= 0; end = this.rest.indexOf(10)) {
      const line = this.rest.subarray(0, end).toString("utf8");
      this.rest = this.rest.subarray(end + 1);
      if (line.trim() !== "") this.receiveLine(line);
    }
    if (this.rest.length > MAX_LINE_BYTES) {
      this.fail(`a QMP message is longer than ${MAX_LINE_BYTES} bytes`);
      this.stream.destroy();
    }
  }

  private receiveLine(line: string): void {
    const message = parseObject(line);
    if (message === undefined) {
      this.fail(`expected a JSON object from QEMU, found: ${line.slice(0, 120)}`);
      this.stream.destroy();
    } else if (isObject(message["QMP"])) {
      this.greet(versionOf(message["QMP"]));
    } else if (typeof message["event"] === "string") {
      this.onEvent({ event: message["event"], data: isObject(message["data"]) ? message["data"] : {} });
    } else {
      this.settle(message);
    }
  }

  private settle(message: Record<string, unknown>): void {
    const request = typeof message["id"] === "number" ? this.pending.get(message["id"]) : undefined;
    if (request === undefined) return; // an answer that came after its deadline
    const { error } = message;
    if (!isObject(error)) return request.resolve(message["return"]);
    request.reject(new NkError("VMM", `QEMU refused ${request.command}: ${String(error["desc"])}`));
  }

  private fail(reason: string): void {
    this.gone ??= new NkError("VMM", reason, { phase: "QMP" });
    this.refuse(this.gone);
    for (const { reject } of this.pending.values()) reject(this.gone);
    this.pending.clear();
  }
}

function versionOf(greeting: Record<string, unknown>): string {
  const version = isObject(greeting["version"]) ? greeting["version"] : {};
  const qemu = isObject(version["qemu"]) ? version["qemu"] : {};
  return `${String(qemu["major"])}.${String(qemu["minor"])}.${String(qemu["micro"])}`;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

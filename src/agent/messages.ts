/** Control messages of protocol/agent-protocol.md, in its own spelling. */

export interface Streams {
  stdin?: number;
  stdout?: number;
  stderr?: number;
}

export interface HelloEvent {
  event: "hello";
  protocol: number;
  agent: string;
  kernel: string;
  connection: number;
  uptimeUs: number;
  helloUs: number;
  realtimeNs: string;
  features: string[];
}

export interface ExitEvent {
  event: "exit";
  id: string;
  session: string;
  code: number;
  signal: number;
  oom: boolean;
  timeUs: number;
}

export interface LogEvent {
  event: "log";
  level: string;
  message: string;
}

export interface StepEvent {
  event: "step";
  name: string;
  startUs: number;
  endUs: number;
  detail: string;
}

export type AgentEvent = HelloEvent | ExitEvent | LogEvent | StepEvent;

/** Any JSON object that the guest sent: nothing about it is certain. */
export type Untrusted = Record<string, unknown>;

const MAX_TEXT = 4096;

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_TEXT) : "";
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** An event with every member checked and bounded, or undefined if it is none that we know. */
export function parseEvent(message: Untrusted): AgentEvent | undefined {
  switch (message["event"]) {
    case "hello":
      return {
        event: "hello",
        protocol: count(message["protocol"]),
        agent: text(message["agent"]),
        kernel: text(message["kernel"]),
        connection: count(message["connection"]),
        uptimeUs: count(message["uptimeUs"]),
        helloUs: count(message["helloUs"]),
        realtimeNs: text(message["realtimeNs"]),
        features: list(message["features"]).map(text),
      };
    case "exit":
      return {
        event: "exit",
        id: text(message["id"]),
        session: text(message["session"]),
        code: count(message["code"]) & 0xff,
        signal: count(message["signal"]) & 0x7f,
        oom: message["oom"] === true,
        timeUs: count(message["timeUs"]),
      };
    case "log":
      return { event: "log", level: text(message["level"]), message: text(message["message"]) };
    case "step":
      return {
        event: "step",
        name: text(message["name"]),
        startUs: count(message["startUs"]),
        endUs: count(message["endUs"]),
        detail: text(message["detail"]),
      };
    default:
      return undefined;
  }
}

/** At most 4096 members of a list the guest sent. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, 4096) : [];
}

/** The wait status, as wait(2) has it, of an exit event. */
export function waitStatus(event: ExitEvent): number {
  return event.signal > 0 ? event.signal : event.code << 8;
}

/** What a shell would show for it: the code, or 128 + signal. */
export function exitStatus(event: ExitEvent): number {
  return event.signal > 0 ? 128 + event.signal : event.code;
}

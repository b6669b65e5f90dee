import { NkError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";

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
  /** The last request that the agent has read. */
  lastSeq: number;
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

/** A long request moves on; how far, is for nobody to rely on. */
export interface ProgressEvent {
  event: "progress";
}

/** Somebody in the guest has connected to a socket that stands for one of the host. */
export interface ConnectionEvent {
  event: "connection";
  socket: number;
  connection: number;
}

export type AgentEvent = HelloEvent | ExitEvent | LogEvent | StepEvent | ProgressEvent | ConnectionEvent;

/** Any JSON object that the guest sent: nothing about it is certain. */
export type Untrusted = Record<string, unknown>;

const MAX_TEXT = 4096;

/** What the guest says, bounded and made harmless where it enters: it ends on terminals and in logs. */
export function text(value: unknown, maxLength = MAX_TEXT): string {
  return typeof value === "string" ? printable(value.slice(0, maxLength)) : "";
}

/** The end of a long text, where a log says what went wrong. */
export function tail(value: unknown): string {
  return typeof value === "string" ? printable(value.slice(-MAX_TEXT)) : "";
}

/** A number that is none counts as 0. */
export function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** The lists and objects of an answer are copied this deep, and no further. */
const MAX_DEPTH = 4;

/** A copy of an answer's member that is safe to hand on: numbers, short texts, and a bounded tree of them. */
export function plain(value: unknown, depth = MAX_DEPTH): unknown {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return text(value);
  if (typeof value !== "object" || value === null || depth === 0) return null;
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => plain(item, depth - 1));
  const members = Object.entries(value).slice(0, MAX_MEMBERS);
  return Object.fromEntries(members.map(([name, member]) => [text(name, 64), plain(member, depth - 1)]));
}

const MAX_MEMBERS = 256;

function wholeNumber(message: Untrusted, name: string, max: number): number {
  const value = message[name];
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new NkError("PROTOCOL", `expected a ${name} from 0 to ${max} in the agent's exit event`);
}

/**
 * An event with every member checked and bounded, or undefined if it is none that we know.
 * @throws PROTOCOL for an exit event whose status is none: it must not pass for success.
 */
export function parseEvent(message: Untrusted): AgentEvent | undefined {
  switch (message["event"]) {
    case "hello":
      return {
        event: "hello",
        protocol: count(message["protocol"]),
        agent: text(message["agent"], 64),
        kernel: text(message["kernel"], 64),
        connection: count(message["connection"]),
        uptimeUs: count(message["uptimeUs"]),
        helloUs: count(message["helloUs"]),
        realtimeNs: text(message["realtimeNs"]),
        features: list(message["features"]).map((feature) => text(feature)),
        lastSeq: count(message["lastSeq"]),
      };
    case "exit":
      return {
        event: "exit",
        id: text(message["id"]),
        session: text(message["session"]),
        code: wholeNumber(message, "code", 0xff),
        signal: wholeNumber(message, "signal", 0x7f),
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
    case "progress":
      return { event: "progress" };
    case "connection":
      return {
        event: "connection",
        socket: count(message["socket"]),
        connection: count(message["connection"]),
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

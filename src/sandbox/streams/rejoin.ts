import { FrameType, u32 } from "../../agent/frame-codec.ts";
import type { AgentConnection } from "../../agent/connection.ts";
import type { StreamRow } from "../../agent/lifeline.ts";
import { NkError } from "../../base/errors.ts";
import { MAX_CREDIT, ShadowStream, type Route } from "./route.ts";

/** A route, as the agent was told of it after a break. */
export interface Joint {
  route: Route;
  row: StreamRow;
}

/** What the agent has of the other end. */
interface End {
  bytes: number;
  credit: number;
  ended: boolean;
}

/** Of the credit of each output, for what people are told on it of a loss. */
const WORDS_BYTES = 512;
const NOTHING = Buffer.alloc(0);
const NAMES = ["", "standard input", "standard output", "standard error"];

export function rowOf(route: Route): Joint {
  const credit = isInput(route) ? 0 : Math.max(0, route.credit - WORDS_BYTES);
  return { route, row: [route.id, route.bytes, credit] };
}

/**
 * Goes on where nothing was lost, and ends what has lost bytes, aloud.
 * @param routes those that there are by now @returns those that have ended @throws PROTOCOL when the guest says what cannot be
 */
export function rejoin(
  joints: readonly Joint[],
  theirs: readonly unknown[],
  routes: ReadonlyMap<number, Route>,
  connection: AgentConnection,
): Route[] {
  const ends = new Map(theirs.map(toEnd));
  const isThere = ({ route }: Joint): boolean => routes.get(route.id) === route;
  const lost = joints.filter((joint) => isThere(joint) && hasLost(joint.route, ends.get(joint.route.id)));
  for (const { route } of lost) say(route, whatWasLost(route, ends.get(route.id)), routes);
  for (const joint of joints) {
    const { route } = joint;
    const end = ends.get(route.id);
    // Nobody reads it any more since the agent was told of it.
    if (!isThere(joint) && end && !end.ended && !isInput(route)) send(connection, FrameType.close, route);
    if (!isThere(joint) || lost.includes(joint) || !end) continue;
    if (isInput(route)) goOnWithInput(route, end, connection);
    else goOnWithOutput(joint, end, connection);
  }
  for (const { route } of lost) endOf(route);
  for (const { route } of lost) route.onLoss(whatWasLost(route, ends.get(route.id)));
  return lost.map(({ route }) => route);
}

/** @throws PROTOCOL for more bytes than there can be */
function hasLost(route: Route, end: End | undefined): boolean {
  if (!end) return true;
  if (route.ended || (isInput(route) && end.ended)) return false;
  const bytes = lostBytes(route, end);
  if (bytes < 0) throw impossible(route, `${end.bytes} bytes`, `${route.bytes}`);
  return bytes > 0;
}

function lostBytes(route: Route, end: End): number {
  return isInput(route) ? route.bytes - end.bytes : end.bytes - route.bytes;
}

function whatWasLost(route: Route, end: End | undefined): string {
  const bytes = end ? `${lostBytes(route, end)} bytes` : "the end, and an unknown number of bytes,";
  return `the connection to the VM broke: ${bytes} of ${NAMES[route.shadowStream]} were lost, and the stream ends`;
}

/** To the process's owner, on its standard error or terminal, as far as there is room for it. */
function say(route: Route, what: string, routes: ReadonlyMap<number, Route>): void {
  const own = [...routes.values()].filter(({ link }) => link === route.link).at(-1);
  if (!own || !own.link.isProcess || isInput(own) || own.ended) return;
  const isTerminal = own.shadowStream === ShadowStream.stdout;
  const words = Buffer.from(`nk-runtime: ${what}${isTerminal ? "\r\n" : "\n"}`);
  if (own.credit < words.length) return;
  own.credit -= words.length;
  own.link.send(FrameType.data, own.shadowStream, words);
}

/** What its sender or reader would have said of its end. */
function endOf(route: Route): void {
  if (!route.ended)
    route.link.send(isInput(route) ? FrameType.close : FrameType.eof, route.shadowStream, NOTHING);
  route.ended = true;
  route.over();
}

function goOnWithInput(route: Route, end: End, connection: AgentConnection): void {
  const { held } = route;
  route.held = [];
  if (route.ended || (route.left && end.ended)) return;
  if (end.ended) return endOf(route);
  const waiting = held.reduce((sum, { length }) => sum + length, 0);
  const granted = end.credit - waiting - route.credit;
  if (granted < 0 || route.credit + granted > MAX_CREDIT)
    throw impossible(route, `a credit of ${end.credit}`, `at least ${route.credit + waiting}`);
  route.credit += granted;
  if (granted > 0) route.link.send(FrameType.credit, route.shadowStream, u32(granted));
  for (const data of held) send(connection, FrameType.data, route, data);
  route.bytes += waiting;
  if (route.left) send(connection, FrameType.eof, route);
}

function goOnWithOutput({ route, row }: Joint, end: End, connection: AgentConnection): void {
  const granted = route.credit - row[2];
  if (route.ended) return;
  if (end.ended) endOf(route);
  else if (route.left) send(connection, FrameType.close, route);
  else if (granted > 0) send(connection, FrameType.credit, route, u32(granted));
}

function send(connection: AgentConnection, type: number, { id }: Route, payload: Buffer = NOTHING): void {
  connection.send(type, id, payload);
}

function isInput({ shadowStream }: Route): boolean {
  return shadowStream === ShadowStream.stdin;
}

function toEnd(row: unknown): [id: number, end: End] {
  const [id, bytes, credit, ended] = Array.isArray(row) ? (row as unknown[]) : [];
  if (isCount(id) && isCount(bytes) && isCount(credit)) return [id, { bytes, credit, ended: ended === true }];
  throw new NkError("PROTOCOL", "expected [id, bytes, credit, ended] for each stream in the agent's answer");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function impossible({ id }: Route, found: string, expected: string): NkError {
  return new NkError(
    "PROTOCOL",
    `after a break the guest has ${found} on stream ${id}, expected ${expected}`,
  );
}

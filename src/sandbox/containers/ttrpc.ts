import { connect } from "node:net";
import type { Deadline } from "../../base/deadline.ts";
import { NkError } from "../../base/errors.ts";

/** https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md: length, stream, type, flags; big endian. */
const HEADER_BYTES = 10;
const REQUEST = 1;
const RESPONSE = 2;
const STREAM = 1;
/** What containerd itself takes at most. */
const MESSAGE_MAX = 4 * 1024 * 1024;

/** Of protobuf: a field whose value has its length before it. */
const LENGTH_DELIMITED = 2;

/** A member of a protobuf message that is text, bytes or a message. @param number below 16 */
export function member(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/** A member that is a number. */
export function count(number: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(number << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

/** A call of a server that answers with nothing. @throws HOST when it cannot be reached or refuses, TIMEOUT */
export async function callTtrpc(
  address: string,
  service: string,
  method: string,
  payload: Buffer,
  deadline: Deadline,
): Promise<void> {
  const socket = connect(address);
  const call = async (): Promise<Buffer> => {
    socket.write(message(Buffer.concat([member(1, service), member(2, method), member(3, payload)])));
    let read: Buffer = Buffer.alloc(0);
    for await (const chunk of socket) {
      read = Buffer.concat([read, chunk as Buffer]);
      const answer = answerIn(read);
      if (answer !== undefined) return answer;
    }
    throw new NkError("HOST", `expected an answer from ${address}, found the end of the connection`);
  };
  try {
    const answer = await deadline.race(call(), `the answer of ${address} to ${service}/${method}`);
    if (isRefusal(answer))
      throw new NkError("HOST", `${address} refuses ${service}/${method}: ${answer.toString()}`);
  } finally {
    socket.destroy();
  }
}

function message(payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(STREAM, 4);
  header.writeUInt8(REQUEST, 8);
  return Buffer.concat([header, payload]);
}

/** undefined: it has not come to its end. */
function answerIn(read: Buffer): Buffer | undefined {
  if (read.length < HEADER_BYTES) return undefined;
  const length = read.readUInt32BE(0);
  if (read.readUInt8(8) !== RESPONSE || length > MESSAGE_MAX)
    throw new NkError("HOST", `expected an answer of ttrpc, found ${read.toString("hex", 0, HEADER_BYTES)}`);
  const end = HEADER_BYTES + length;
  return read.length < end ? undefined : read.subarray(HEADER_BYTES, end);
}

/** Its first member is a status, which is empty when all went well. */
function isRefusal(answer: Buffer): boolean {
  return answer[0] === member(1, "")[0] && answer[1] !== 0;
}

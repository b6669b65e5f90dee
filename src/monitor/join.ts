import type { Socket } from "node:net";
import { asNkError, NkError } from "../base/errors.ts";
import type { ContainerJob } from "./job.ts";
import { ShadowLink, type ShadowHandlers } from "./shadow-link.ts";

/** What the shadow of a new container asks for in its first frame. */
export interface JoinRequest {
  job: ContainerJob;
  /** Folder of the VM's shared tree where the container's files are. */
  folder: string;
}

interface Joining {
  handlers: ShadowHandlers;
  /** Settles when the container is there, or not. */
  made: Promise<void>;
}

/** Reads the request from a shadow's connection and answers it with STARTED or FAILED. */
export function acceptJoin(
  socket: Socket,
  head: Buffer,
  create: (request: JoinRequest, link: ShadowLink) => Joining,
): void {
  const link = new ShadowLink(socket, true);
  let taker: ShadowHandlers | undefined;
  let size: [rows: number, cols: number] | undefined;
  link.attach(
    {
      stream: (frame) => taker?.stream(frame),
      signal: (signal) => taker?.signal(signal),
      resize: (rows, cols) => {
        size = [rows, cols];
        taker?.resize(rows, cols);
      },
      control: (payload) => {
        if (taker) return;
        const { handlers, made } = begin(payload, link, create);
        taker = handlers;
        if (size) taker.resize(...size);
        made.then(
          () => link.sendStarted(),
          (error: unknown) => {
            const { message, log } = asNkError(error);
            link.sendFailed(log === undefined ? message : `${message}: ${log}`);
          },
        );
      },
      gone: () => taker?.gone(),
    },
    head,
  );
}

const NOBODY: ShadowHandlers = { stream() {}, control() {}, signal() {}, resize() {}, gone() {} };

function begin(
  payload: Buffer,
  link: ShadowLink,
  create: (request: JoinRequest, link: ShadowLink) => Joining,
): Joining {
  try {
    return create(JSON.parse(payload.toString("utf8")) as JoinRequest, link);
  } catch (cause) {
    const error = new NkError("USAGE", "the request for a container is not JSON", { cause });
    return { handlers: NOBODY, made: Promise.reject(error) };
  }
}

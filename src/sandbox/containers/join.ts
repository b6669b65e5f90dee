import type { Socket } from "node:net";
import { asNkError, NkError } from "../../base/errors.ts";
import { isObject } from "../../base/json.ts";
import { whyNoRecord } from "../../state/check-record.ts";
import { checkId } from "../../state/paths.ts";
import type { ContainerJob } from "../../contract/job.ts";
import { parseRequest } from "../../contract/parse-request.ts";
import { ShadowLink, type ShadowHandlers } from "../streams/shadow-link.ts";

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
    return create(parseJoin(payload), link);
  } catch (error) {
    return { handlers: NOBODY, made: Promise.reject(asNkError(error)) };
  }
}

/** launch/container-plan.ts names them; the files of a container are mounted on it, and removed with it. */
const FOLDER = /^c-[0-9a-f]{12}$/;

function parseJoin(payload: Buffer): JoinRequest {
  const { job, folder } = parseRequest(payload, "the request for a container");
  if (typeof folder !== "string" || !FOLDER.test(folder) || !isJob(job))
    throw new NkError("USAGE", "the request for a container: expected a job and the name of a folder");
  return { job, folder };
}

function isJob(job: unknown): job is ContainerJob {
  if (!isObject(job) || !isObject(job["record"]) || !isObject(job["guestConfig"])) return false;
  const { record, program, terminal } = job;
  if (whyNoRecord(record) !== undefined || typeof program !== "string" || typeof terminal !== "boolean")
    return false;
  checkId(String(record["id"]));
  return true;
}

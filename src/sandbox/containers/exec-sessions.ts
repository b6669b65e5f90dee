import type { Socket } from "node:net";
import type { AgentClient } from "../../agent/agent-client.ts";
import type { ExitEvent } from "../../agent/messages.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import { formatExact } from "../../base/exact-json.ts";
import { isObject } from "../../base/json.ts";
import { traced } from "../../trace/channels.ts";
import { parseRequest } from "../../contract/parse-request.ts";
import { ProcessSession } from "./process-session.ts";
import { inRuncsWords } from "./runtime-errors.ts";
import { ShadowLink } from "../streams/shadow-link.ts";
import type { StreamRouter } from "../streams/stream-router.ts";

/** What an exec shadow asks for in its first frame. */
export interface ExecJob {
  process: Record<string, unknown>;
  terminal: boolean;
}

/** The exec sessions of one container: from the upgraded control connection to the exit status. */
export class ExecSessions {
  private readonly sessions = new Map<string, ProcessSession>();
  private readonly containerId: string;
  private readonly router: StreamRouter;
  private count = 0;

  constructor(containerId: string, router: StreamRouter) {
    this.containerId = containerId;
    this.router = router;
  }

  /** Takes over the connection of an exec shadow. `agent` throws when no exec is possible now. */
  accept(socket: Socket, head: Buffer, agent: () => AgentClient): void {
    const link = new ShadowLink(socket, true);
    this.count += 1;
    const session = new ProcessSession(link, this.containerId, `exec-${this.count}`);
    let begun = false;
    link.attach(
      {
        stream: (frame) => session.stream(frame),
        signal: (signal) => session.signal(signal),
        resize: (rows, cols) => session.resize(rows, cols),
        control: (payload) => {
          if (begun) return;
          begun = true;
          void this.begin(link, session, payload, agent);
        },
        gone: () => {
          session.shadowGone();
          // A guest that never tells its end must not keep it.
          this.sessions.delete(session.name);
        },
      },
      head,
    );
  }

  exited(event: ExitEvent): void {
    void this.sessions.get(event.session)?.exited(event);
  }

  /** The guest is gone, and all sessions with it; resolves when their shadows are. */
  async lost(): Promise<void> {
    await Promise.all([...this.sessions.values()].map((session) => session.lost()));
  }

  private async begin(
    link: ShadowLink,
    session: ProcessSession,
    payload: Buffer,
    agent: () => AgentClient,
  ): Promise<void> {
    try {
      const job = parseExecJob(payload);
      const client = agent();
      this.sessions.set(session.name, session);
      await traced(
        "agent",
        `exec ${session.name}`,
        { why: "a second process in the container", what: formatExact(job.process) },
        () =>
          session.begin(client, this.router, job.terminal, async (start) => {
            await client.exec(this.containerId, session.name, job.process, start);
            link.sendStarted();
          }),
      );
    } catch (cause) {
      this.sessions.delete(session.name);
      const { message, log } = inRuncsWords(asNkError(cause), programOf(payload));
      link.sendFailed(log === undefined ? message : `${message}: ${log}`);
    }
  }
}

/** What was to be run, for the error. */
function programOf(payload: Buffer): string {
  try {
    const { args } = parseExecJob(payload).process;
    return Array.isArray(args) ? String(args[0]) : "";
  } catch {
    return "";
  }
}

function parseExecJob(payload: Buffer): ExecJob {
  const { process, terminal } = parseRequest(payload, "the exec request");
  if (isObject(process) && typeof terminal === "boolean") return { process, terminal };
  throw new NkError("USAGE", "the exec request: expected a process object and whether it has a terminal");
}

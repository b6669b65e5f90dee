import { join } from "node:path";
import type { LogEvent, StepEvent } from "../../agent/messages.ts";
import { BoundedLog } from "../../host/bounded-log.ts";
import { publishSpan } from "../../trace/channels.ts";
import type { GuestClock } from "../../trace/guest-clock.ts";
import { agentSpan } from "./agent-steps.ts";

/** An agent takes some ten steps for a boot and two for each command. */
const STEPS_AT_ONCE = 500;
const STEPS_PER_SECOND = 20;

/**
 * What the agent tells of itself, for people: its log lines in a bounded `agent.log`, its steps in the trace. A guest may tell without
 * end, so steps beyond a rate that none needs are dropped.
 */
export class AgentVoice {
  private readonly logPath: string;
  private log: BoundedLog | undefined;
  private allowance = STEPS_AT_ONCE;
  private countedMs = performance.now();

  constructor(stateDir: string) {
    this.logPath = join(stateDir, "agent.log");
  }

  say({ level, message }: LogEvent): void {
    this.open()?.write(Buffer.from(`${level}: ${message.replaceAll("\n", "\\n")}\n`));
  }

  /** Without room for a log nothing is kept of what the agent says, and the VM goes on. */
  private open(): BoundedLog | undefined {
    try {
      this.log ??= new BoundedLog(this.logPath);
    } catch {
      return undefined;
    }
    return this.log;
  }

  step(event: StepEvent, clock: GuestClock): void {
    if (this.mayStep()) publishSpan(agentSpan(event, clock));
  }

  private mayStep(): boolean {
    const nowMs = performance.now();
    const earned = ((nowMs - this.countedMs) / 1000) * STEPS_PER_SECOND;
    this.allowance = Math.min(STEPS_AT_ONCE, this.allowance + earned);
    this.countedMs = nowMs;
    if (this.allowance < 1) return false;
    this.allowance -= 1;
    return true;
  }
}

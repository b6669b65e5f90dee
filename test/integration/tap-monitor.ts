// A process that stands for a monitor: tap-worker.ts in the namespace of a rig's host, told by lines of JSON what to do.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { buildSync } from "esbuild";
import type { ErrorJson } from "../../src/base/errors.ts";
import type { TapSpec } from "../../src/network/network.ts";
import type { TapRecord } from "../../src/state/network-record.ts";
import { scaled } from "../fixtures/scaled.ts";
import type { Order } from "./tap-worker.ts";

export const SPEC: TapSpec = {
  kind: "tap",
  bridge: "nk0",
  subnet: "10.87.0.0/16",
  subnet6: "fd6e:6b00:0:1::/64",
  publish: [],
};
export interface Answer {
  value?: unknown;
  error?: ErrorJson;
  /** Notices and warnings. */
  said: string[];
}

/** The worker as one file: node 20 runs no TypeScript. */
export function bundleWorker(folder: string): string {
  const outfile = join(folder, "worker.mjs");
  buildSync({
    entryPoints: ["test/integration/tap-worker.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
  });
  return outfile;
}

/** A process of the host that has networks: a monitor. */
export class Worker {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  private readonly lines: Interface;

  /** @param within a command that runs the worker, with less rights, say */
  constructor(
    netns: string,
    bundle: string,
    env: Record<string, string> = {},
    within: readonly string[] = [],
  ) {
    const command = [`--net=/run/netns/${netns}`, ...within, process.execPath, bundle];
    this.child = spawn("nsenter", command, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    this.ended = once(this.child, "exit");
    if (this.child.stdout === null) throw new Error("no output");
    this.lines = createInterface({ input: this.child.stdout });
  }

  /** Its answer. @throws when it ends instead */
  async ask(order: Order): Promise<Answer> {
    this.tell(order);
    const ended = this.ended.then(() => {
      throw new Error(`the worker has ended, asked to ${order.do}`);
    });
    const [line] = (await Promise.race([once(this.lines, "line"), ended])) as [string];
    return JSON.parse(line) as Answer;
  }

  tell(order: Order): void {
    this.child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** @throws what it says went wrong */
  async open(id: string, spec: Partial<TapSpec> = {}): Promise<TapRecord> {
    return (await this.must({ do: "open", id, spec: { ...SPEC, ...spec } })) as TapRecord;
  }

  async must(order: Order): Promise<unknown> {
    const { value, error } = await this.ask(order);
    if (error !== undefined) throw new Error(error.message);
    return value;
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Resolves when it has stopped itself (NK_HALT_AT). */
  async halted(): Promise<void> {
    const endMs = performance.now() + scaled(20_000);
    while (!/^State:\s+T/m.test(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))) {
      if (performance.now() > endMs) throw new Error("the worker did not stop itself");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

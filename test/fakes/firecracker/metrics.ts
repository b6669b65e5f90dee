import { openOutput, writeOutput } from "./log.ts";
import { MEMBERS } from "./metrics-members.ts";

const PERIOD_MS = 60_000;

/** What a line of metrics tells of the devices of this VM, beside the sums over all. */
export interface MeteredDevices {
  drives: readonly string[];
  interfaces: readonly string[];
}

/** Counts of API requests; all that a guest's devices count is 0. A line shows what happened since the one before. */
export class Metrics {
  private fd: number | undefined;
  private counts = new Map<string, number>();
  private readonly devices: () => MeteredDevices;

  constructor(devices: () => MeteredDevices) {
    this.devices = devices;
  }

  get initialized(): boolean {
    return this.fd !== undefined;
  }

  /** @throws an error of open(2) */
  open(path: string): void {
    this.fd = openOutput(path);
  }

  /** `what`: object and member, "put_api_requests.drive_count". */
  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  write(): void {
    if (this.fd === undefined) return;
    writeOutput(this.fd, `${JSON.stringify(this.line())}\n`);
    this.counts = new Map();
  }

  writePeriodically(): void {
    setInterval(() => this.write(), PERIOD_MS).unref();
  }

  private line(): object {
    const line: Record<string, unknown> = { utc_timestamp_ms: Date.now() };
    const { drives, interfaces } = this.devices();
    for (const [object, members] of Object.entries(MEMBERS)) {
      const ids = object === "block" ? drives : object === "net" ? interfaces : [];
      for (const id of ids) line[`${object}_${id}`] = this.object(object, members);
      line[object] = this.object(object, members);
    }
    return line;
  }

  private object(object: string, members: string): object {
    const value = (member: string) =>
      member.endsWith("_agg")
        ? { min_us: 0, max_us: 0, sum_us: 0 }
        : (this.counts.get(`${object}.${member}`) ?? 0);
    return Object.fromEntries(members.split(" ").map((member) => [member, value(member)]));
  }
}

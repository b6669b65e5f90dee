/** Whether a guest's CPUs are stopped, for those who wait for a change. */
export class Pauses {
  private paused = false;
  private changed: Promise<void>;
  private change: () => void = () => {};

  constructor() {
    this.changed = this.renewed();
  }

  get now(): boolean {
    return this.paused;
  }

  set(paused: boolean): void {
    this.paused = paused;
    this.change();
    this.changed = this.renewed();
  }

  /** Resolves when the CPUs are stopped; at once when they are. */
  async begun(): Promise<void> {
    while (!this.paused) await this.changed;
  }

  /** Resolves when the CPUs run; at once when they do. */
  async over(): Promise<void> {
    while (this.paused) await this.changed;
  }

  private renewed(): Promise<void> {
    return new Promise((resolve) => {
      this.change = resolve;
    });
  }
}

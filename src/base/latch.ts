/** A promise that somebody else settles, once. Nobody has to listen: a rejection that is not awaited is no error. */
export class Latch<T = void> {
  readonly promise: Promise<T>;
  private settle: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.promise.catch(() => {});
  }

  resolve(value: T): void {
    this.settle?.resolve(value);
  }

  reject(error: unknown): void {
    this.settle?.reject(error);
  }
}

/** A request that is refused: what the client is told. */
export class Fault extends Error {
  readonly status: number = 400;
  /** How Rust's Debug shows it, where it is seen. */
  readonly rustDebug: string | undefined;

  constructor(message: string, rustDebug?: string) {
    super(message);
    this.rustDebug = rustDebug;
  }
}

/** Refused before it reaches the VMM; `debug` is what the log says of it. */
export class RequestFault extends Fault {
  readonly debug: string;

  constructor(message: string, debug: string) {
    super(message);
    this.debug = debug;
  }

  static generic(message: string): RequestFault {
    return new RequestFault(message, `Generic(BadRequest, ${JSON.stringify(message)})`);
  }
}

/** MMDS data that does not fit. */
export class TooLarge extends Fault {
  override readonly status = 413;
}

/** A request whose failure ends the process, once it has been answered. */
export class FatalFault extends Fault {}

/** Where an error was noticed, counted as serde_json does: lines from 1, columns in bytes read of the line. */
export interface Position {
  line: number;
  column: number;
}

/** An error of serde_json. Without a position it is one of a visitor, and gets the position of the value around it. */
export class SerdeError extends Error {
  readonly code: string;
  readonly position: Position | undefined;

  constructor(code: string, position?: Position) {
    super(position === undefined ? code : `${code} at line ${position.line} column ${position.column}`);
    this.code = code;
    this.position = position;
  }

  /** As Rust's Debug shows it. */
  get debug(): string {
    const { line, column } = this.position ?? { line: 0, column: 0 };
    return `Error(${JSON.stringify(this.code)}, line: ${line}, column: ${column})`;
  }
}

const WHITESPACE = new Set([" ", "\n", "\t", "\r"].map((character) => character.charCodeAt(0)));
const ESCAPES: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The reader of serde_json over a slice of bytes: its position decides what errors say. */
export class Reader {
  private readonly bytes: Buffer;
  private index = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The next character that is no white space, not yet read; undefined at the end. */
  peek(): string | undefined {
    while (WHITESPACE.has(this.bytes[this.index] ?? 0)) this.index += 1;
    return this.peekRaw();
  }

  peekRaw(): string | undefined {
    const byte = this.bytes[this.index];
    return byte === undefined ? undefined : String.fromCharCode(byte);
  }

  eat(): void {
    this.index += 1;
  }

  /** An error at what was read so far. */
  error(code: string): SerdeError {
    return new SerdeError(code, this.positionOf(this.index));
  }

  /** An error at the character that was peeked at. */
  peekError(code: string): SerdeError {
    return new SerdeError(code, this.positionOf(Math.min(this.bytes.length, this.index + 1)));
  }

  /** Gives an error of a visitor the present position. */
  fix(error: unknown): unknown {
    return error instanceof SerdeError && error.position === undefined ? this.error(error.code) : error;
  }

  /** The rest of a word whose first character was peeked at: true, false, null. */
  word(word: string): void {
    this.eat();
    for (const expected of word.slice(1)) {
      const found = this.peekRaw();
      if (found === undefined) throw this.error("EOF while parsing a value");
      this.eat();
      if (found !== expected) throw this.error("expected ident");
    }
  }

  /** The text of a number, whose first character was peeked at. */
  number(): string {
    const start = this.index;
    if (this.peekRaw() === "-") this.eat();
    if (this.peekRaw() === "0") {
      this.eat();
      if (/\d/.test(this.peekRaw() ?? "")) throw this.peekError("invalid number");
    } else this.digits();
    if (this.peekRaw() === ".") {
      this.eat();
      this.digits();
    }
    if (/[eE]/.test(this.peekRaw() ?? "")) {
      this.eat();
      if (/[+-]/.test(this.peekRaw() ?? "")) this.eat();
      this.digits();
    }
    return this.bytes.toString("latin1", start, this.index);
  }

  private digits(): void {
    const start = this.index;
    while (/\d/.test(this.peekRaw() ?? "")) this.eat();
    if (this.index > start) return;
    if (this.peekRaw() === undefined) throw this.error("EOF while parsing a value");
    throw this.peekError("invalid number");
  }

  /** A string, whose opening quote was peeked at. */
  string(): string {
    this.eat();
    const parts: Buffer[] = [];
    for (;;) {
      const byte = this.bytes[this.index];
      if (byte === undefined) throw this.error("EOF while parsing a string");
      this.eat();
      if (byte === QUOTE) return Buffer.concat(parts).toString();
      if (byte < 0x20) throw this.error("control character (\\u0000-\\u001F) found while parsing a string");
      parts.push(byte === BACKSLASH ? Buffer.from(this.escape()) : Buffer.of(byte));
    }
  }

  private escape(): string {
    const letter = this.peekRaw();
    if (letter === undefined) throw this.error("EOF while parsing a string");
    this.eat();
    if (letter === "u") return this.unicode();
    const plain = ESCAPES[letter];
    if (plain === undefined) throw this.error("invalid escape");
    return plain;
  }

  private unicode(): string {
    const first = this.hex();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    if (first > 0xdbff || this.bytes.toString("latin1", this.index, this.index + 2) !== "\\u")
      throw this.error("lone leading surrogate in hex escape");
    this.index += 2;
    return String.fromCharCode(first, this.hex());
  }

  private hex(): number {
    const text = this.bytes.toString("latin1", this.index, this.index + 4);
    if (text.length < 4) throw this.error("EOF while parsing a string");
    this.index += 4;
    if (!/^[0-9a-fA-F]{4}$/.test(text)) throw this.error("invalid escape");
    return Number.parseInt(text, 16);
  }

  private positionOf(index: number): Position {
    const before = this.bytes.subarray(0, index);
    const lineStart = before.lastIndexOf("\n") + 1;
    let line = 1;
    for (const byte of before.subarray(0, lineStart)) if (byte === 0x0a) line += 1;
    return { line, column: index - lineStart };
  }
}

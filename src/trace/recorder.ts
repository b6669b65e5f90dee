import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { spans } from "./channels.ts";
import type { Span } from "./channels.ts";
import { formatSpanLine } from "./span-line.ts";

const FLUSH_AT_SPANS = 64;
/** A monitor lives for days: what it has recorded is in the file this soon, also for a reader of a running container. */
const FLUSH_AFTER_MS = 250;

/** A state folder is usually on a tmpfs, and a container may live for years, with an exec every few seconds. */
const MAX_BYTES = 8 * 1024 * 1024;

export interface Recorder {
  /** Writes what is buffered: for a reader that wants to see everything so far. */
  flush(): void;
  /** Flushes and stops recording. Closing twice is allowed. */
  close(): void;
}

/**
 * Appends every span to `path`, one line of JSON each, until the process ends or `close`. CLI and monitor record to the
 * same file: it is opened with O_APPEND and whole lines go out in one write, so lines never mix.
 *
 * The file is opened at once, so a wrong path is an error here. Later failures (a full disk) end the recording and
 * nothing else: a container is worth more than its trace. A trace of 8 MiB is full: what comes later is not recorded.
 */
export function installRecorder(path: string): Recorder {
  let fd: number | undefined = openSync(path, "a", 0o600);
  let lines: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (fd === undefined || lines.length === 0) return;
    const text = Buffer.from(`${lines.join("\n")}\n`);
    lines = [];
    try {
      if (fstatSync(fd).size + text.length <= MAX_BYTES) writeSync(fd, text);
      else close();
    } catch {
      close();
    }
  };
  const onSpan = (message: unknown): void => {
    lines.push(formatSpanLine(message as Span));
    if (lines.length >= FLUSH_AT_SPANS) flush();
    else timer ??= setTimeout(flush, FLUSH_AFTER_MS).unref();
  };
  const close = (): void => {
    flush();
    spans.unsubscribe(onSpan);
    process.off("exit", close);
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };

  spans.subscribe(onSpan);
  process.on("exit", close);
  return { flush, close };
}

import { writeSync } from "node:fs";

/** Writes all of `text` to standard output. A reader that has gone away (`| head -1`) is no failure. */
export async function print(text: string): Promise<void> {
  const bytes = Buffer.from(text);
  let at = 0;
  try {
    while (at < bytes.length) at += writeSync(1, bytes, at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPIPE") return;
    // A caller may have made the pipe non-blocking: node's stream waits until it takes the rest.
    if (code !== "EAGAIN") throw error;
    await new Promise((resolve) => {
      process.stdout.write(bytes.subarray(at), resolve);
    });
  }
}

/** A table like Go's tabwriter makes for runc: columns at least 12 wide, three spaces between. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(12, ...rows.map((row) => (row[column] ?? "").length + 3)),
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(""),
  );
  return `${lines.join("\n")}\n`;
}

import { writeSync } from "node:fs";

/** Writes all of `output` to standard output. A reader that has gone away (`| head -1`) is no failure: false says so. */
export async function print(output: string | Uint8Array): Promise<boolean> {
  const bytes = Buffer.from(output);
  let at = 0;
  try {
    while (at < bytes.length) at += writeSync(1, bytes, at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPIPE") return false;
    // A caller may have made the pipe non-blocking: node's stream waits until it takes the rest.
    if (code !== "EAGAIN") throw error;
    await new Promise((resolve) => {
      process.stdout.write(bytes.subarray(at), resolve);
    });
  }
  return true;
}

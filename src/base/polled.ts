/** Resolves when the event loop has polled: signals and what lies in pipes have been delivered. libuv polls between two immediates. */
export async function polled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** How spans are shown to people. */

/** "0.42 ms", "12.3 ms", "1.85 s". */
export function formatDuration(ns: bigint): string {
  const ms = Number(ns) / 1e6;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

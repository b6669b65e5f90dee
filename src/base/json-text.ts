/**
 * Cuts a JSON text into what is between its strings and the strings, with their quotes, in turn: those with odd numbers are strings. The last
 * one may be open. By searching, not by a pattern: V8 ends a pattern with "Maximum call stack size exceeded" in a string of megabytes.
 */
export function splitAtStrings(text: string): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('"', at);
    if (open < 0) return [...pieces, text.slice(at)];
    const end = endOfString(text, open);
    pieces.push(text.slice(at, open), text.slice(open, end));
    at = end;
  }
}

function endOfString(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (quote >= 0 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote < 0 ? text.length : quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charAt(at - slashes - 1) === "\\") slashes += 1;
  return slashes % 2 === 1;
}

/**
 * Text of a guest, or of a container, with everything that could drive a terminal as `\x1b` or `\u202e`: control characters of C0 and C1, and what turns
 * the direction of writing (Unicode TR 36, 3.5). Newlines and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => {
      const hex = char.charCodeAt(0).toString(16);
      return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
    },
  );
}

/** As `printable`, and on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n");
}

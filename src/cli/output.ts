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

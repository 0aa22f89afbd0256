/** Formats the result as a Markdown table whose columns also line up as plain text. */

/** @param rows cells by row; the first row contains the headings */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((cells) => cells.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(3, ...rows.map((cells) => cells[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").replaceAll("|", "/").padEnd(width)).join(" | ")} |`;
  const [headings = [], ...body] = rows;
  return [line(headings), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

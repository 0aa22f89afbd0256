/** Rows of the table: the newest entries that pass the filter, and their text for a spreadsheet. */
import type { PulledEntry } from "../../../client/browser.ts";
import { type Scalar, scalarsOf, textOf } from "../content.ts";
import { parseFilter } from "./filter.ts";

const MAX_ROWS = 200;
const MAX_COLUMNS = 24;

/** Row of an entry. */
export interface Row {
  readonly entry: PulledEntry;
  readonly cells: ReadonlyMap<string, Scalar>;
}

/** Returns the newest rows that pass the filter, newest first. */
export function newestRows(entries: readonly PulledEntry[], filter: string): readonly Row[] {
  const passes = parseFilter(filter);
  const rows: Row[] = [];
  for (let i = entries.length - 1; i >= 0 && rows.length < MAX_ROWS; i--) {
    const entry = entries[i];
    if (entry === undefined) break;
    const scalars = scalarsOf(entry);
    const cells =
      scalars.size > 0 ? scalars : new Map([["payload", textOf(entry) ?? `${entry.data.length} bytes`]]);
    if (passes(cells)) rows.push({ entry, cells });
  }
  return rows;
}

/** Returns the columns of rows, in the order in which they appear. */
export const columnsOf = (rows: readonly Row[]): readonly string[] =>
  [...new Set(rows.flatMap(({ cells }) => [...cells.keys()]))].slice(0, MAX_COLUMNS);

/** Formats rows as tab-separated values with a header, oldest first, as a spreadsheet pastes them. */
export function tabSeparated(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const lines = rows.map(({ entry, cells }) => [
    new Date(entry.timeMs).toISOString(),
    entry.id,
    ...columns.map((column) => cells.get(column) ?? ""),
  ]);
  return [["time", "id", ...columns], ...lines.reverse()]
    .map((line) => line.map((cell) => cellText(cell)).join("\t"))
    .join("\n");
}

/** A cell on one line. A text that begins like a formula is quoted: a spreadsheet would run it. */
function cellText(cell: Scalar): string {
  const text = String(cell).replaceAll(/[\t\r\n]+/g, " ");
  return typeof cell === "string" && /^[=+\-@]/.test(text) ? `'${text}` : text;
}

/** Table viewer: a column for each field, newest first. */
import { useSignal } from "@preact/signals";
import type { PulledEntry } from "../../../client/browser.ts";
import { SearchField } from "../../design/search-field.tsx";
import { numberText, timeText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { type Scalar, scalarsOf, textOf } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { parseFilter } from "./filter.ts";
import "./table-view.css";

const UPDATE_MS = 250;
const MAX_ROWS = 200;
const MAX_COLUMNS = 24;
const MAX_CHARACTERS = 200;

interface Row {
  readonly entry: PulledEntry;
  readonly cells: ReadonlyMap<string, Scalar>;
}

/** Renders the table. */
export function TableView({ entries, name, workspace }: ViewProps) {
  const filter = useSignal("");
  const rows = newestRows(useThrottled(entries, UPDATE_MS).value, filter.value);
  const columns = [...new Set(rows.flatMap(({ cells }) => [...cells.keys()]))].slice(0, MAX_COLUMNS);
  return (
    <div class="table-view">
      <div class="records" tabIndex={0} role="region" aria-label={`Entries of ${name}, newest first`}>
        <table>
          <thead>
            <tr>
              <th scope="col">time</th>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ entry, cells }) => (
              <tr key={entry.id} class={entry.gap ? "after-gap" : ""}>
                <th scope="row" title={entry.id}>
                  {timeText(entry.timeMs, workspace.isUtc.value)}
                </th>
                {columns.map((column) => (
                  <Cell key={column} value={cells.get(column)} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="below">
        <SearchField text={filter} aria-label="Filter" placeholder="Filter: words, speed>3, state=ok" />
      </div>
    </div>
  );
}

function Cell({ value }: { readonly value: Scalar | undefined }) {
  if (typeof value === "number") return <td class="number">{numberText(value)}</td>;
  return <td>{value === undefined ? "" : String(value).slice(0, MAX_CHARACTERS)}</td>;
}

/** Returns the newest rows that pass the filter, newest first. */
function newestRows(entries: readonly PulledEntry[], filter: string): readonly Row[] {
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

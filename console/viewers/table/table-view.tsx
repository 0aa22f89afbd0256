/** Table viewer: a column for each field, newest first. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { CopyButton } from "../../design/copy-button.tsx";
import { SearchField } from "../../design/search-field.tsx";
import { numberText, timeText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import type { Scalar } from "../content.ts";
import { rowOf, timeOfRow, useMarkedRow } from "../use-marked-row.ts";
import type { ViewProps } from "../viewer.ts";
import { columnsOf, newestRows, tabSeparated } from "./rows.ts";
import "./table-view.css";

const UPDATE_MS = 250;
const MAX_CHARACTERS = 200;

/** Renders the table. */
export function TableView({ entries, name, workspace }: ViewProps) {
  const filter = useSignal("");
  const rows = newestRows(useThrottled(entries, UPDATE_MS).value, filter.value);
  const columns = columnsOf(rows);
  const box = useRef<HTMLDivElement>(null);
  useMarkedRow(box, workspace, name);
  return (
    <div class="table-view">
      <div
        ref={box}
        class="records"
        tabIndex={0}
        role="region"
        aria-label={`Entries of ${name}, newest first`}
      >
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
              <tr key={entry.id} {...rowOf(entry)} class={entry.gap ? "after-gap" : ""}>
                <th scope="row" {...timeOfRow(entry)}>
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
        <CopyButton text={() => tabSeparated(rows)} />
      </div>
    </div>
  );
}

function Cell({ value }: { readonly value: Scalar | undefined }) {
  if (typeof value === "number") return <td class="number">{numberText(value)}</td>;
  return <td>{value === undefined ? "" : String(value).slice(0, MAX_CHARACTERS)}</td>;
}

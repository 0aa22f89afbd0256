/** Text viewer: text, JSON and MessagePack as a filtered list, newest last. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fieldsText, type PulledEntry } from "../../client/browser.ts";
import { timeText } from "../page/format.ts";
import { parsedOf, textOf, valueText } from "./content.ts";

/** Maximum number of lines displayed. */
const MAX_LINES = 200;
/** Maximum number of characters displayed per entry. */
const MAX_CHARACTERS = 4000;
/** The list keeps scrolling if it is this close to its end, CSS pixels. */
const NEAR_END = 40;

interface TextViewerProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly form: "text" | "msgpack";
}

/** Renders the list. */
export function TextViewer({ entries, form }: TextViewerProps) {
  const filter = useSignal("");
  const isPretty = useSignal(false);
  const box = useRef<HTMLOListElement>(null);
  const follows = useRef(true);
  const lines = newestLines(entries.value, form, filter.value.toLowerCase(), isPretty.value);
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <>
      <div class="filters">
        <label>
          Filter{" "}
          <input
            type="search"
            value={filter.value}
            onInput={({ currentTarget }) => {
              filter.value = currentTarget.value;
            }}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={isPretty.value}
            onChange={() => (isPretty.value = !isPretty.value)}
          />{" "}
          Pretty
        </label>
      </div>
      <ol
        class="tail"
        ref={box}
        aria-label="Entries, newest last"
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          follows.current = scrollTop + clientHeight > scrollHeight - NEAR_END;
        }}
      >
        {lines.map(({ entry, text }) => (
          <li key={entry.id}>
            {entry.gap && <em class="gap">earlier entries were trimmed before they were read</em>}
            <time title={entry.id}>{timeText(entry.timeMs)}</time> <span>{text}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

interface Line {
  readonly entry: PulledEntry;
  readonly text: string;
}

function newestLines(
  entries: readonly PulledEntry[],
  form: "text" | "msgpack",
  filter: string,
  isPretty: boolean,
): readonly Line[] {
  const lines: Line[] = [];
  for (let i = entries.length - 1; i >= 0 && lines.length < MAX_LINES; i--) {
    const entry = entries[i];
    if (entry === undefined) break;
    const text = lineOf(entry, form, isPretty);
    if (text.toLowerCase().includes(filter)) lines.push({ entry, text: text.slice(0, MAX_CHARACTERS) });
  }
  return lines.reverse();
}

/** Formats an entry as a line: its payload, then its other fields. */
export function lineOf(entry: PulledEntry, form: "text" | "msgpack", isPretty: boolean): string {
  const fields = fieldsText(entry.fields);
  if (fields === "") return payloadLine(entry, form, isPretty);
  return entry.data.length === 0 ? fields : `${payloadLine(entry, form, isPretty)} ${fields}`;
}

function payloadLine(entry: PulledEntry, form: "text" | "msgpack", isPretty: boolean): string {
  const value = form === "msgpack" || isPretty ? parsedOf(entry, form === "text" ? "json" : form) : undefined;
  if (value !== undefined) return valueText(value, isPretty);
  return textOf(entry) ?? `${entry.data.length} bytes`;
}

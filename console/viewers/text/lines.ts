/** Lines of the text viewer. */
import { fieldsText, type PulledEntry } from "../../../client/browser.ts";
import { entryValue, textOf, valueText } from "../content.ts";
import { type Level, levelOf } from "./levels.ts";

/** Maximum number of characters displayed per entry. */
const MAX_CHARACTERS = 4000;

/** Line of an entry, as text. */
export interface Line {
  readonly entry: PulledEntry;
  readonly text: string;
  readonly level: Level;
}

/** Returns the newest lines that contain a filter, oldest first. @param filter in lower case */
export function newestLines(
  entries: readonly PulledEntry[],
  filter: string,
  isPretty: boolean,
  count: number,
): readonly Line[] {
  const lines: Line[] = [];
  for (let i = entries.length - 1; i >= 0 && lines.length < count; i--) {
    const entry = entries[i];
    if (entry === undefined) break;
    const text = lineOf(entry, isPretty).slice(0, MAX_CHARACTERS);
    if (text.toLowerCase().includes(filter)) lines.push({ entry, text, level: levelOf(entry, text) });
  }
  return lines.reverse();
}

/** Formats an entry as a line: its payload, then its other fields. */
export function lineOf(entry: PulledEntry, isPretty: boolean): string {
  const fields = fieldsText(entry.fields);
  if (fields === "") return payloadLine(entry, isPretty);
  return entry.data.length === 0 ? fields : `${payloadLine(entry, isPretty)} ${fields}`;
}

function payloadLine(entry: PulledEntry, isPretty: boolean): string {
  if (!isPretty) {
    const text = textOf(entry);
    if (text !== undefined) return text;
  }
  const value = entry.data.length === 0 ? undefined : entryValue(entry);
  if (value !== undefined) return valueText(value, isPretty);
  return textOf(entry) ?? `${entry.data.length} bytes`;
}

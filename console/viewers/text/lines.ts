/** Lines of the text viewer. */
import { fieldsText, type PulledEntry } from "../../../client/browser.ts";
import { entryValue, scalarsOf, textOf, valueText } from "../content.ts";

/** Maximum number of characters displayed per entry. */
const MAX_CHARACTERS = 4000;

/** Severity of a line. */
export type Level = "error" | "warn" | "info" | "debug" | "";

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

const LEVELS: readonly (readonly [Level, RegExp])[] = [
  ["error", /^(fatal|critical|error|err|alert|emerg)/i],
  ["warn", /^warn/i],
  ["info", /^(info|notice)/i],
  ["debug", /^(debug|trace|verbose)/i],
];
const LEVEL_NAMES = ["level", "severity", "lvl", "levelname"];
/** Characters at the beginning of a text in which a level is searched. */
const HEAD = 60;

/** Returns the severity that a record has as a member, or a text as its first word in capitals. */
export function levelOf(entry: PulledEntry, text: string): Level {
  const scalars = entry.data.length < HEAD * 100 ? scalarsOf(entry) : undefined;
  const member = LEVEL_NAMES.map((name) => scalars?.get(name)).find((one) => typeof one === "string");
  const word =
    member ?? /\b(FATAL|CRITICAL|ERROR|WARN(ING)?|INFO|DEBUG|TRACE)\b/.exec(text.slice(0, HEAD))?.[0];
  return LEVELS.find(([, pattern]) => pattern.test(String(word ?? "")))?.[0] ?? "";
}

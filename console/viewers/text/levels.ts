/** Severity of entries. */
import type { PulledEntry } from "../../../client/browser.ts";
import { scalarsOf } from "../content.ts";

/** Severity of a line. */
export type Level = "error" | "warn" | "info" | "debug" | "";

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
  const member = entry.data.length < HEAD * 100 ? memberOf(entry) : undefined;
  const word =
    member ?? /\b(FATAL|CRITICAL|ERROR|WARN(ING)?|INFO|DEBUG|TRACE)\b/.exec(text.slice(0, HEAD))?.[0];
  return levelNamed(word ?? "");
}

/** Returns the severity that a record has as a member; empty if it has none. */
export const levelOfRecord = (entry: PulledEntry): Level => levelNamed(memberOf(entry) ?? "");

function memberOf(entry: PulledEntry): string | undefined {
  const scalars = scalarsOf(entry);
  return LEVEL_NAMES.map((name) => scalars.get(name)).find((one) => typeof one === "string");
}

const levelNamed = (word: string): Level => LEVELS.find(([, pattern]) => pattern.test(word))?.[0] ?? "";

/** Kinds of records, which are the objects of JSON and MessagePack: a line of a log, a state, or readings. */
import type { PulledEntry } from "../../client/browser.ts";
import { numbersOf, scalarsOf } from "./content.ts";
import { isTimeField } from "./plot/default-fields.ts";
import { levelOfRecord } from "./text/levels.ts";

/** Kind of a record; undefined if it has no member that a plot, a state or a log shows. */
export type RecordKind = "log" | "state" | "readings";

const MESSAGE_NAMES = ["message", "msg"];
const STATE_NAMES = /(^|[._])(state|status|mode|phase)$/i;
/** A longer text is not the name of a state. */
const MAX_STATE_CHARACTERS = 40;

/** Returns the kind of a record. */
export function recordKind(entry: PulledEntry): RecordKind | undefined {
  const scalars = scalarsOf(entry);
  const hasMessage = MESSAGE_NAMES.some((name) => typeof scalars.get(name) === "string");
  if (hasMessage && levelOfRecord(entry) !== "") return "log";
  // A state may have a time, which is not a reading.
  const values = [...scalars].filter(
    ([path, value]) => typeof value !== "number" || !isTimeField(path, value, entry.timeMs),
  );
  const isState = values.every(
    ([, value]) =>
      typeof value === "boolean" || (typeof value === "string" && value.length <= MAX_STATE_CHARACTERS),
  );
  const isNamed = values.some(([path, value]) => typeof value === "boolean" || STATE_NAMES.test(path));
  if (isState && isNamed) return "state";
  return numbersOf(entry).size > 0 ? "readings" : undefined;
}

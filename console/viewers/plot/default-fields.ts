/** Selects the lines that a plot shows at first: not times, which flatten all others, and not constants. */
import type { PulledEntry } from "../../../client/browser.ts";
import { entriesAfter, numbersOf } from "../content.ts";

/** Maximum number of lines at first. */
const MAX_FIRST = 6;
/** A field that has not changed for as many entries is constant. */
const MIN_CONSTANT = 5;
const TIME_NAMES =
  /^(t|ts|time|times?tamp(_?[mun]?s(ec)?)?|stamp|epoch|sec|secs|nsec|nanosec|seq|sequence|frame|frame_?(id|no|number)|index|id)$/i;
/** Maximum difference between a time in the payload and the entry's own time: a device with an unset clock is off by more. */
const MAX_TIME_DISTANCE_MS = 366 * 86_400_000;
/** Units of Unix times, as multiples of a second. */
const TIME_UNITS = [1, 1e3, 1e6, 1e9] as const;

/** Whether a field is a time or a counter of entries: by its name, or because its value is a time near the entry's. */
export function isTimeField(path: string, value: number, entryMs: number): boolean {
  const name = path.slice(path.lastIndexOf(".") + 1);
  if (TIME_NAMES.test(name)) return true;
  return (
    value > 1e8 && TIME_UNITS.some((unit) => Math.abs((value / unit) * 1000 - entryMs) < MAX_TIME_DISTANCE_MS)
  );
}

/** Follows the entries of a stream, and knows which fields change. */
export class FieldWatch {
  readonly #first = new Map<string, number>();
  readonly #varied = new Set<string>();
  readonly #times = new Set<string>();
  #last: PulledEntry | undefined;
  #count = 0;

  /** Takes the entries of a window. @returns all fields, in the order in which they appeared */
  follow(entries: readonly PulledEntry[]): readonly string[] {
    for (const entry of entriesAfter(entries, this.#last)) {
      this.#count++;
      for (const [field, value] of numbersOf(entry)) {
        const first = this.#first.get(field);
        if (first === undefined) this.#first.set(field, value);
        else if (first !== value) this.#varied.add(field);
        if (isTimeField(field, value, entry.timeMs)) this.#times.add(field);
      }
    }
    this.#last = entries.at(-1);
    return [...this.#first.keys()];
  }

  /** The fields that are shown until the user selects others. */
  get shown(): readonly string[] {
    const fields = [...this.#first.keys()];
    const values = fields.filter((field) => !this.#times.has(field));
    const changing = values.filter((field) => this.#count < MIN_CONSTANT || this.#varied.has(field));
    const found = [changing, values, fields].find(({ length }) => length > 0) ?? [];
    return found.slice(0, MAX_FIRST);
  }
}

/** Definition of a row of the table, and of its thresholds. */
import type { Comparison } from "./load/measurement/rounds.ts";
import type { Stage } from "./stage.ts";

/** `aim` and `must` are the thresholds that were reached; `missed` means neither. */
export type Verdict = "aim" | "must" | "missed";

/** Result of a row, as shown in the table. */
export interface Outcome {
  readonly reference: string;
  readonly ours: string;
  readonly ratio: string;
  readonly verdict: Verdict;
}

/** One line of the table. */
export interface Row {
  /** Name for `--only`. */
  readonly name: string;
  readonly what: string;
  readonly must: string;
  readonly aim: string;
  /** @throws Error if the delivered or stored entries differ from the sent ones, because the number would be meaningless */
  measure(stage: Stage): Promise<Outcome>;
}

/** Required and desired threshold of a number. */
export interface Bar {
  readonly must: string;
  readonly aim: string;
  judge(value: number): Verdict;
}

/** Lower bounds, as a multiple of the reference. */
export const atLeast = (must: number, aim: number): Bar => ({
  must: `≥ ${must} ×`,
  aim: `≥ ${aim} ×`,
  judge: (value) => (value >= aim ? "aim" : value >= must ? "must" : "missed"),
});

/** Upper bounds. */
export const atMost = (must: number, aim: number, unit: string): Bar => ({
  must: `≤ ${must} ${unit}`.trimEnd(),
  aim: `≤ ${aim} ${unit}`.trimEnd(),
  judge: (value) => (value <= aim ? "aim" : value <= must ? "must" : "missed"),
});

/** Formats `2.345` as `2.35 ×`. */
export const times = (ratio: number): string => `${digits(ratio, 3)} ×`;

/** Formats with a number of significant digits, and numbers from 100 as whole numbers. */
const digits = (value: number, count: number): string =>
  value >= 100 ? whole(value) : value.toPrecision(count);

/** Formats the ratio of a comparison, with those of the single rounds: `2.35 × (2.1 to 2.6)`. */
export const ratioCell = ({ ratio, ratios }: Pick<Comparison, "ratio" | "ratios">): string =>
  `${times(ratio)} (${digits(ratios.min, 2)} to ${digits(ratios.max, 2)})`;

/** Formats `1234567.8` as `1,234,568`. */
export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

/** What a row of the table is, and how its number is judged. */
import type { Stage } from "./stage.ts";

/** `aim` and `must` were reached, `missed` neither. */
export type Verdict = "aim" | "must" | "missed";

/** What a row found, as the table shows it. */
export interface Outcome {
  readonly reference: string;
  readonly ours: string;
  readonly ratio: string;
  readonly verdict: Verdict;
}

/** One line of the table. */
export interface Row {
  /** What `--only` calls it. */
  readonly name: string;
  readonly what: string;
  readonly must: string;
  readonly aim: string;
  /** @throws Error when what was delivered or stored is not what was sent; a number would be worth nothing then */
  measure(stage: Stage): Promise<Outcome>;
}

/** Two limits for one number. */
export interface Bar {
  readonly must: string;
  readonly aim: string;
  judge(value: number): Verdict;
}

/** The number has to be as high, in times the reference. */
export const atLeast = (must: number, aim: number): Bar => ({
  must: `≥ ${must} ×`,
  aim: `≥ ${aim} ×`,
  judge: (value) => (value >= aim ? "aim" : value >= must ? "must" : "missed"),
});

/** The number may be as high. */
export const atMost = (must: number, aim: number, unit: string): Bar => ({
  must: `≤ ${must} ${unit}`.trimEnd(),
  aim: `≤ ${aim} ${unit}`.trimEnd(),
  judge: (value) => (value <= aim ? "aim" : value <= must ? "must" : "missed"),
});

/** `2.345` as `2.35 ×`. */
export const times = (ratio: number): string => `${ratio.toPrecision(3)} ×`;

/** `1234567.8` as `1,234,568`. */
export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

/** Measures several sides in turn, so that background load on the machine affects all of them. */
import { median } from "./statistics.ts";

/** Values of a side over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Medians over the rounds. */
export interface Comparison {
  readonly reference: number;
  readonly ours: number;
  /** Ratio of the gateway's median to the reference's. */
  readonly ratio: number;
  /** Ratios of the single rounds. */
  readonly ratios: Spread;
}

/** Measures a side once. @param round number of the round, from 0 */
export type Measure = (round: number) => Promise<number>;

/**
 * Measures each side `rounds` times. Each round starts with another side.
 *
 * @returns the values of each side, by round
 */
export async function measureInTurns(
  rounds: number,
  sides: readonly Measure[],
): Promise<readonly (readonly number[])[]> {
  const values = sides.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = (round + turn) % sides.length;
      values[side]?.push((await sides[side]?.(round)) ?? Number.NaN);
    }
  }
  return values;
}

/**
 * Measures both sides `rounds` times, alternately.
 *
 * @param reference measures the reference once
 * @param ours measures the gateway once
 */
export async function compare(rounds: number, reference: Measure, ours: Measure): Promise<Comparison> {
  const [theirs = [], our = []] = await measureInTurns(rounds, [reference, ours]);
  return comparisonOf(theirs, our);
}

/** @param theirs the reference's values by round @param our the gateway's values by round */
export function comparisonOf(theirs: readonly number[], our: readonly number[]): Comparison {
  const [reference, ours] = [median(theirs), median(our)];
  const ratios = our.map((value, round) => value / (theirs[round] ?? Number.NaN));
  return { reference, ours, ratio: ours / reference, ratios: spreadOf(ratios) };
}

/** Summarizes values. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

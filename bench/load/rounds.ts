/** Measures two sides alternately, so that background load on the machine affects both. */
import { median } from "./statistics.ts";

/** Medians over the rounds. */
export interface Comparison {
  readonly reference: number;
  readonly ours: number;
  /** Ratio of the gateway to the reference. */
  readonly ratio: number;
}

/**
 * Measures both sides `rounds` times, and alternates which side is measured first.
 *
 * @param reference measures the reference once
 * @param ours measures the gateway once
 */
export async function compare(
  rounds: number,
  reference: (round: number) => Promise<number>,
  ours: (round: number) => Promise<number>,
): Promise<Comparison> {
  const theirValues: number[] = [];
  const ourValues: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) theirValues.push(await reference(round));
    ourValues.push(await ours(round));
    if (round % 2 === 1) theirValues.push(await reference(round));
  }
  const [theirs, our] = [median(theirValues), median(ourValues)];
  return { reference: theirs, ours: our, ratio: our / theirs };
}

/** Reproducible pseudo-random numbers from a seed. */

/** A generator of pseudo-random numbers. */
export interface Random {
  /** Returns a number from 0 up to but excluding 1. */
  fraction(): number;
  /** Returns a uniformly distributed number in a range. */
  between(low: number, high: number): number;
  /** Returns a random item. @throws RangeError if the list is empty */
  one<T>(choices: readonly T[]): T;
}

/** Creates a generator: xorshift32, with a multiplication that spreads the seed over all bits. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  function fraction(): number {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  }
  return {
    fraction,
    between: (low, high) => low + fraction() * (high - low),
    one(choices) {
      const index = Math.floor(fraction() * choices.length);
      const found = choices[index];
      if (found === undefined) throw new RangeError("cannot choose an item of an empty list");
      return found;
    },
  };
}

/** Numbers that look random and follow from a seed, so that what they decided can be decided again. */

/** A source of such numbers. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number;
  /** A number between two, evenly. */
  between(low: number, high: number): number;
  /** One of several. @throws RangeError where there are none */
  one<T>(choices: readonly T[]): T;
}

/** Makes a source: xorshift32 over the seed, which a first multiplication spreads over all bits. */
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
      if (found === undefined) throw new RangeError("there is nothing to choose from");
      return found;
    },
  };
}

/** Spelling suggestions for messages about unknown parameters and options. */

/** Names are compared over this many characters, so that a long unknown name costs little. */
const MAX_CHARACTERS = 40;

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/**
 * Returns the nearest name: one that differs only in case and separators, or in few letters.
 *
 * @returns undefined if no name is similar
 */
export function nearestName(wrong: string, names: readonly string[]): string | undefined {
  const given = plain(wrong.slice(0, MAX_CHARACTERS));
  let best: string | undefined;
  let min = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(given, plain(name));
    if (distance < min) {
      min = distance;
      best = name;
    }
  }
  return best;
}

/** Optimal string alignment distance: insertions, deletions, replacements, and swaps of adjacent letters. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  let before: readonly number[] = [];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : replace;
      next.push(Math.min(replace, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

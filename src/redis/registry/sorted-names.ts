/** Merges sorted lists of names in slices: sorting a million keys at once would block the event loop for a second. */

/** Names that are merged between two yields. */
const STEP = 1024;

/** Longer merged lists are not remembered. */
const MAX_REMEMBERED = 20_000;

/** Creates a function that merges lists as `mergeSorted` does. It returns its last result for the same lists. */
export function createMerger(): typeof mergeSorted {
  let last: readonly (readonly string[])[] = [];
  let merged: readonly string[] = [];
  return function* merge(lists) {
    if (lists.length === last.length && lists.every((list, i) => list === last[i])) return merged;
    const found = yield* mergeSorted(lists);
    const isRemembered = found.length <= MAX_REMEMBERED;
    last = isRemembered ? lists : [];
    merged = isRemembered ? found : [];
    return found;
  };
}

/**
 * Merges sorted lists into one, without repeats.
 *
 * @param lists each sorted by UTF-16 code units, as `Array.sort` does; an element may occur several times
 */
export function* mergeSorted(lists: readonly (readonly string[])[]): Generator<void, readonly string[]> {
  let left = lists.filter((one) => one.length > 0);
  // In pairs, so that each name is handled as often as the number of lists has binary digits.
  while (left.length > 1) {
    const merged: (readonly string[])[] = [];
    for (let i = 0; i < left.length; i += 2) {
      const [one = [], other = []] = left.slice(i, i + 2);
      merged.push(other.length === 0 ? one : yield* mergeTwo(one, other));
    }
    left = merged;
  }
  return yield* withoutRepeats(left[0] ?? []);
}

function* mergeTwo(one: readonly string[], other: readonly string[]): Generator<void, readonly string[]> {
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  while (i < one.length || j < other.length) {
    const a = one[i];
    const b = other[j];
    if (b === undefined || (a !== undefined && a <= b)) {
      if (a !== undefined) merged.push(a);
      i++;
    } else {
      merged.push(b);
      j++;
    }
    if (merged.length % STEP === 0) yield;
  }
  return merged;
}

function* withoutRepeats(sorted: readonly string[]): Generator<void, readonly string[]> {
  const names: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const name = sorted[i] ?? "";
    if (name !== names.at(-1)) names.push(name);
    if (i % STEP === 0) yield;
  }
  return names;
}

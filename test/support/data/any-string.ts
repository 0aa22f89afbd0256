/** Arbitrary strings of all characters. */
import fc from "fast-check";

const SURROGATES = { start: 0xd800, count: 0x800 };
const LAST = 0x10ffff;

function characterOf(index: number): string {
  return String.fromCodePoint(index < SURROGATES.start ? index : index + SURROGATES.count);
}

/** Reverse of `characterOf`, which fast-check needs to shrink. @throws Error if the value is not one character */
function indexOf(value: unknown): number {
  const codePoint = typeof value === "string" ? value.codePointAt(0) : undefined;
  if (codePoint === undefined || value !== String.fromCodePoint(codePoint))
    throw new Error(`${value} is not one character`);
  const index = codePoint < SURROGATES.start ? codePoint : codePoint - SURROGATES.count;
  if (characterOf(index) !== value) throw new Error("a lone surrogate is not a character");
  return index;
}

const character = fc.nat({ max: LAST - SURROGATES.count }).map(characterOf, indexOf);

/**
 * Text of any characters that UTF-8 can encode, with fast-check's dangerous strings, as `fc.string` with `unit: "binary"`.
 * That keeps a map of all 1.1 million characters: each process would take a second for it, and longer for each garbage collection.
 */
export const anyString = (constraints: Omit<fc.StringConstraints, "unit"> = {}): fc.Arbitrary<string> =>
  fc.string({ ...constraints, unit: character });

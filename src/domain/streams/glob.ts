/**
 * Glob matcher with the syntax of Redis `KEYS`: `*` any run of characters, `?` one character, `[a-z]` and `[^a-z]` one of
 * a class, `\` before a literal character.
 *
 * Redis backtracks at each `*`: a hostile pattern and a long key block the server for minutes. This matcher is a
 * bit-parallel automaton. It follows all possible positions in the pattern at once, one bit each, so the time is linear in
 * the length of the text.
 */
import { badParameter } from "../errors.ts";

/** Longest pattern, in characters. */
export const MAX_PATTERN_CHARACTERS = 256;

/** Maximum number of wildcards in a pattern. */
export const MAX_WILDCARDS = 8;

/** Parsed pattern: returns whether a text matches. @returns whether the whole text matches */
export type Glob = (text: string) => boolean;

/** One position of a pattern: `*`, or a test of one character. */
type Token = "*" | ((character: string) => boolean);

const WORD_BITS = 32;

/**
 * Parses a glob.
 *
 * @param name the parameter name in the error message
 * @throws GatewayError BAD_PARAMETER if it is too long or has too many wildcards
 */
export function parseGlob(pattern: string, name: string): Glob {
  if (pattern.length > MAX_PATTERN_CHARACTERS)
    throw badParameter(name, `must be at most ${MAX_PATTERN_CHARACTERS} characters, got ${pattern.length}`);
  const { tokens, prefix, wildcards } = tokensOf([...pattern]);
  if (wildcards > MAX_WILDCARDS)
    throw badParameter(name, `must have at most ${MAX_WILDCARDS} wildcards, got ${wildcards}`);
  if (wildcards === 0) return (text) => text === prefix;
  const rest = tokens.slice([...prefix].length);
  if (rest.length === 1 && rest[0] === "*") return (text) => text.startsWith(prefix);
  const matchesRest = automatonOf(rest);
  // Most keys already fail on the literal prefix.
  return (text) => text.startsWith(prefix) && matchesRest(text.slice(prefix.length));
}

interface Tokens {
  readonly tokens: readonly Token[];
  /** The characters before the first wildcard. */
  readonly prefix: string;
  readonly wildcards: number;
}

function tokensOf(pattern: readonly string[]): Tokens {
  const tokens: Token[] = [];
  let prefix = "";
  let wildcards = 0;
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i] ?? "";
    if (character === "*") {
      if (tokens.at(-1) === "*") continue;
      tokens.push("*");
      wildcards++;
    } else if (character === "?") {
      tokens.push(() => true);
      wildcards++;
    } else if (character === "[") {
      const [test, end] = readClass(pattern, i + 1);
      tokens.push(test);
      wildcards++;
      i = end;
    } else {
      const literal = character === "\\" ? (pattern[++i] ?? "\\") : character;
      tokens.push((one) => one === literal);
      if (wildcards === 0) prefix += literal;
    }
  }
  return { tokens, prefix, wildcards };
}

/**
 * Reads a class as Redis does.
 *
 * @param from index after the opening bracket
 * @returns its test, and the index of its `]`; the pattern's length if there is none
 */
function readClass(pattern: readonly string[], from: number): readonly [Token, end: number] {
  const isNegated = pattern[from] === "^";
  const ranges: (readonly [from: string, to: string])[] = [];
  let i = isNegated ? from + 1 : from;
  for (; i < pattern.length && pattern[i] !== "]"; i++) {
    const isEscaped = pattern[i] === "\\" && i + 1 < pattern.length;
    if (isEscaped) i++;
    const first = pattern[i] ?? "";
    // The character after a hyphen ends a range, even if it is a bracket.
    const last = isEscaped || pattern[i + 1] !== "-" ? undefined : pattern[i + 2];
    if (last === undefined) ranges.push([first, first]);
    else {
      ranges.push(codeOf(first) <= codeOf(last) ? [first, last] : [last, first]);
      i += 2;
    }
  }
  const test = (one: string) =>
    ranges.some(([low, high]) => codeOf(low) <= codeOf(one) && codeOf(one) <= codeOf(high)) !== isNegated;
  return [test, i];
}

const codeOf = (character: string): number => character.codePointAt(0) ?? 0;

/** Builds the automaton. Bit `i` of the state is set if the tokens before `i` have matched. */
function automatonOf(tokens: readonly Token[]): Glob {
  const words = Math.floor(tokens.length / WORD_BITS) + 1;
  const stars = bitsOf(words, tokens, (token) => token === "*");
  /** For each character, the positions whose token it matches. */
  const steps = new Map<string, Uint32Array>();
  const stepOf = (character: string): Uint32Array => {
    const known = steps.get(character);
    if (known !== undefined) return known;
    const step = bitsOf(words, tokens, (token) => token !== "*" && token(character));
    if (steps.size < MAX_STEPS) steps.set(character, step);
    return step;
  };

  return (text) => {
    const state = new Uint32Array(words);
    state[0] = 1;
    passStars(state, stars);
    for (const character of text) {
      if (!advance(state, stepOf(character), stars)) return false;
    }
    const last = tokens.length;
    return (((state[Math.floor(last / WORD_BITS)] ?? 0) >>> (last % WORD_BITS)) & 1) === 1;
  };
}

/** Limit of cached characters: keys use few, but a hostile key could use every Unicode character. */
const MAX_STEPS = 512;

function bitsOf(words: number, tokens: readonly Token[], isSet: (token: Token) => boolean): Uint32Array {
  const bits = new Uint32Array(words);
  tokens.forEach((token, i) => {
    const word = Math.floor(i / WORD_BITS);
    if (isSet(token)) bits[word] = (bits[word] ?? 0) | (1 << (i % WORD_BITS));
  });
  return bits;
}

/** Consumes one character. @returns whether any position is left */
function advance(state: Uint32Array, step: Uint32Array, stars: Uint32Array): boolean {
  let carry = 0;
  let left = 0;
  for (let i = 0; i < state.length; i++) {
    const before = state[i] ?? 0;
    const moved = before & (step[i] ?? 0);
    // A position at a star stays: the star matches one more character.
    const after = (moved << 1) | carry | (before & (stars[i] ?? 0));
    carry = moved >>> (WORD_BITS - 1);
    state[i] = after;
    left |= after;
  }
  if (left === 0) return false;
  passStars(state, stars);
  return true;
}

/** Adds the position after each reached star, because a star also matches nothing. */
function passStars(state: Uint32Array, stars: Uint32Array): void {
  let carry = 0;
  for (let i = 0; i < state.length; i++) {
    const atStar = ((state[i] ?? 0) | carry) & (stars[i] ?? 0);
    state[i] = (state[i] ?? 0) | (atStar << 1) | carry;
    carry = atStar >>> (WORD_BITS - 1);
  }
}

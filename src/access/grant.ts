/**
 * What a key or token allows: an action on the streams of a pattern, written `read:glasses:*`.
 *
 * A pattern is matched against the stream key, `{device}:{stream}`. Its part before the first colon is for the device and
 * its `*` stops at the key's first colon; its part behind is for the stream, prefix included. `*` alone is everything.
 */

/** What can be done: `write` does not include `read`; `admin` includes both, and what changes or removes streams. */
export const ACTIONS = ["read", "write", "admin"] as const;

/** One of `ACTIONS`. */
export type Action = (typeof ACTIONS)[number];

/** One action on the streams of a pattern. */
export interface Grant {
  readonly action: Action;
  readonly pattern: string;
}

/** Longest pattern taken in, in characters: matching costs its length times the key's. */
const MOST_PATTERN_CHARACTERS = 1024;

/**
 * Reads a grant, `read:glasses:*`. An action alone, `admin`, is for everything.
 *
 * @throws Error with a sentence that says what is wrong
 */
export function parseGrant(text: string): Grant {
  const at = text.indexOf(":");
  const name = at < 0 ? text : text.slice(0, at);
  const pattern = at < 0 ? "*" : text.slice(at + 1);
  const action = ACTIONS.find((one) => one === name);
  if (action === undefined)
    throw new Error(`a permission begins with one of ${ACTIONS.join(", ")}, not "${text.slice(0, 60)}"`);
  if (pattern === "" || pattern.length > MOST_PATTERN_CHARACTERS)
    throw new Error(`a permission's pattern has 1 to ${MOST_PATTERN_CHARACTERS} characters, as glasses:*`);
  return { action, pattern };
}

/** The text that `parseGrant` reads. */
export const formatGrant = ({ action, pattern }: Grant): string => `${action}:${pattern}`;

/** Whether a grant allows an action on a stream key. */
export const allows = (grant: Grant, action: Action, key: string): boolean =>
  (grant.action === action || grant.action === "admin") && matchesPattern(grant.pattern, key);

/** Whether a grant lets some stream of a device be read. */
export function covers({ action, pattern }: Grant, device: string): boolean {
  if (action === "write") return false;
  const colon = pattern.indexOf(":");
  return colon < 0 ? pattern === "*" : matchesGlob(pattern.slice(0, colon), device);
}

/** Whether a stream key is one of a pattern's. */
export function matchesPattern(pattern: string, key: string): boolean {
  if (pattern === "*") return true;
  const patternColon = pattern.indexOf(":");
  // Without a device, as keys are with DISABLE_MULTI_DEVICE_PREFIXING.
  if (patternColon < 0) return matchesGlob(pattern, key);
  const keyColon = key.indexOf(":");
  return (
    keyColon >= 0 &&
    matchesGlob(pattern.slice(0, patternColon), key.slice(0, keyColon)) &&
    matchesGlob(pattern.slice(patternColon + 1), key.slice(keyColon + 1))
  );
}

/** Whether a text is one of a glob's, in which `*` is any run of characters. Never worse than their lengths multiplied. */
function matchesGlob(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  /** Where to go on when what follows the last `*` does not fit: that star takes one character more. */
  let star = -1;
  let taken = 0;
  while (t < text.length) {
    if (glob[g] === "*") {
      star = g++;
      taken = t;
    } else if (glob[g] === text[t]) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++taken;
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}

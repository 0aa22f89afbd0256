/**
 * Patterns of streams, `glasses:*`, `*:imu*`: for permissions, and for the classes that entries are counted by.
 *
 * A pattern is matched against the stream key, `{device}:{stream}`. The part before its first colon matches the device,
 * the part after it matches the stream, prefix included. `*` alone matches every key.
 *
 * Keys that begin with a colon belong to the gateway (`:event:device.connected`, `:metrics`). Only `*` and patterns that
 * begin with a colon themselves match them, so that a permission on all devices is none on the gateway.
 */

import { MOST_PATTERN_CHARACTERS, MOST_WILDCARDS } from "./glob.ts";

/** Returns whether a pattern matches a stream key. */
export function matchesPattern(pattern: string, key: string): boolean {
  if (pattern === "*") return true;
  const patternColon = pattern.indexOf(":");
  const keyColon = key.indexOf(":");
  if ((keyColon === 0) !== (patternColon === 0)) return false;
  // Without a device, as keys are with DISABLE_MULTI_DEVICE_PREFIXING.
  if (patternColon < 0) return matchesGlob(pattern, key);
  return (
    keyColon >= 0 &&
    matchesGlob(pattern.slice(0, patternColon), key.slice(0, keyColon)) &&
    matchesGlob(pattern.slice(patternColon + 1), key.slice(keyColon + 1))
  );
}

/** Whether a text matches a glob in which `*` is any run of characters. The time grows with the text alone. */
export function matchesGlob(glob: string, text: string): boolean {
  const [first = "", ...rest] = glob.split("*");
  const last = rest.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first)) return false;
  // What matches a part earlier leaves more for the parts after it, so the first place is the right one.
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/**
 * Describes why a pattern is not accepted: it is matched against every stream that a client names.
 *
 * @returns undefined if it is accepted
 */
export function problemOfPattern(pattern: string): string | undefined {
  if (pattern === "" || pattern.length > MOST_PATTERN_CHARACTERS)
    return `must have 1 to ${MOST_PATTERN_CHARACTERS} characters, got ${pattern.length}`;
  const wildcards = pattern.split("*").length - 1;
  return wildcards > MOST_WILDCARDS
    ? `must have at most ${MOST_WILDCARDS} wildcards, got ${wildcards}`
    : undefined;
}

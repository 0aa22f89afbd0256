/**
 * Stream patterns such as `glasses:*` and `*:imu*`, used by permissions and by stream classes.
 *
 * A pattern is matched against the stream key, `{device}:{stream}`. The part before its first colon matches the device,
 * the part after it matches the stream, prefix included. `*` alone matches every key.
 *
 * Keys that begin with a colon belong to the gateway (`:event:device.connected`, `:metrics`). Only `*` and patterns that
 * begin with a colon match them, so a permission on all devices does not include the gateway's own streams.
 */

import { MAX_PATTERN_CHARACTERS, MAX_WILDCARDS } from "./glob.ts";

/** Returns whether a pattern matches a stream key. */
export function matchesPattern(pattern: string, key: string): boolean {
  if (pattern === "*") return true;
  const patternColon = pattern.indexOf(":");
  const keyColon = key.indexOf(":");
  if ((keyColon === 0) !== (patternColon === 0)) return false;
  // A pattern without a device, for keys written with DISABLE_MULTI_DEVICE_PREFIXING.
  if (patternColon < 0) return matchesGlob(pattern, key);
  return (
    keyColon >= 0 &&
    matchesGlob(pattern.slice(0, patternColon), key.slice(0, keyColon)) &&
    matchesGlob(pattern.slice(patternColon + 1), key.slice(keyColon + 1))
  );
}

/** Returns whether a text matches a glob in which `*` is any run of characters. Linear in the length of the text. */
export function matchesGlob(glob: string, text: string): boolean {
  const [first = "", ...rest] = glob.split("*");
  const last = rest.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first)) return false;
  // The first occurrence of each part leaves the most text for the parts after it.
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/**
 * Checks the length and the number of wildcards of a pattern. Both are limited because the pattern is matched against every
 * stream that a client names.
 *
 * @returns what is wrong; undefined if the pattern is valid
 */
export function problemOfPattern(pattern: string): string | undefined {
  if (pattern === "" || pattern.length > MAX_PATTERN_CHARACTERS)
    return `must have 1 to ${MAX_PATTERN_CHARACTERS} characters, got ${pattern.length}`;
  const wildcards = pattern.split("*").length - 1;
  return wildcards > MAX_WILDCARDS
    ? `must have at most ${MAX_WILDCARDS} wildcards, got ${wildcards}`
    : undefined;
}

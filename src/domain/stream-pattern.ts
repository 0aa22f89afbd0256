/**
 * Patterns of streams, `glasses:*`, `*:imu*`: for permissions, and for the classes that traffic is counted by.
 *
 * A pattern is matched against the stream key, `{device}:{stream}`. The part before its first colon matches the device,
 * the part after it matches the stream, prefix included. `*` alone matches every key.
 *
 * Keys that begin with a colon belong to the gateway (`:event:device.connected`, `:metrics`). Only `*` and patterns that
 * begin with a colon themselves match them, so that a permission on all devices is none on the gateway.
 */

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

/** Whether a text is one of a glob's, in which `*` is any run of characters. Never worse than their lengths multiplied. */
export function matchesGlob(glob: string, text: string): boolean {
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

/**
 * Stream selection of a request: the streams that it names, and a pattern for those that it finds. A stream id with `*` is a
 * pattern, and every stream id is one if the device has `*`.
 *
 * Keys that begin with a colon belong to the gateway. Only a pattern that begins with a colon selects them.
 */
import { badParameter } from "../errors.ts";
import {
  DEFAULT_DEVICE,
  type NamingOptions,
  namingOf,
  PARAMETER_NAMES,
  withoutRepeats,
} from "./stream-name.ts";
import { matchesGlob, problemOfPattern } from "./stream-pattern.ts";

/** A stream that a request reads. */
export interface SelectedStream {
  readonly key: string;
  /** The name that the client sees. */
  readonly name: string;
  /** Index of the first stream id of the request that selects it. */
  readonly position: number;
}

/** Selects keys that may not exist yet. */
export interface KeyPattern {
  /** Every selected key begins with one of these. */
  readonly prefixes: readonly string[];
  /** Returns the stream of a key; undefined if it is not selected. */
  select(key: string): SelectedStream | undefined;
}

/** The streams of a request. */
export interface StreamSelection {
  /** Number of stream ids, without repeats. */
  readonly ids: number;
  /** Streams of the ids that are not patterns, except excluded ones. */
  readonly named: readonly SelectedStream[];
  /** Undefined if the request has no pattern. */
  readonly pattern: KeyPattern | undefined;
}

/** Naming of a request, and the streams that it names. */
export interface SelectionOptions extends NamingOptions {
  /** Decoded stream ids. */
  readonly ids: readonly string[];
  /** Decoded names and patterns to remove. If the device is a pattern, one with a colon matches `device:stream`. */
  readonly exclude: readonly string[];
  /** Whether `*` is a literal character (`pattern=0`). */
  readonly isLiteral: boolean;
}

/** Maximum number of stream ids with `*`, and of excluded names with `*`. Each is compared with every stream. */
const MAX_PATTERNS = 16;

/**
 * Returns the selection of a request.
 *
 * @throws GatewayError BAD_PARAMETER for a name or pattern that is not valid, or if no stream is left
 */
export function selectStreams(options: SelectionOptions): StreamSelection {
  const { isLiteral, noDevicePrefix, device = DEFAULT_DEVICE, names = PARAMETER_NAMES } = options;
  const naming = namingOf(options);
  const ids = withoutRepeats(options.ids);
  const keys = ids.map((id) => naming.keyOf(id));
  const hasDevicePattern = !isLiteral && !noDevicePrefix && isPattern(device);
  const isExcluded = exclusionOf(options, hasDevicePattern);
  const isNamed = (id: string) => isLiteral || (!hasDevicePattern && !isPattern(id));
  const named = ids.flatMap((id, position) =>
    isNamed(id) && !isExcluded(id, id)
      ? [{ key: keys[position] ?? "", name: naming.labelOf(id), position }]
      : [],
  );
  const hasPattern = ids.some((id) => !isNamed(id));
  if (!hasPattern && named.length === 0)
    throw badParameter("exclude", "must not exclude all streams of the request");
  if (!hasPattern) return { ids: ids.length, named, pattern: undefined };
  const positions = new IdPositions(ids, isNamed, names.ids);
  if (hasDevicePattern) checkPattern(names.device, device);
  const splitKey = hasDevicePattern ? splitterOfAny(device, options.prefix) : splitterOf(naming);
  const scopes = hasDevicePattern ? [literalStart(device)] : keys.filter(isPattern).map(scopeOf);
  return {
    ids: ids.length,
    named,
    pattern: {
      prefixes: withoutRepeats(scopes),
      select(key) {
        const parts = splitKey(key);
        if (parts === undefined || isExcluded(parts.id, parts.name)) return undefined;
        const position = positions.of(parts.id, parts.id === key && key.startsWith(":"));
        return position === undefined ? undefined : { key, name: parts.name, position };
      },
    },
  };
}

/** Index of the first id that matches, by stream id. */
class IdPositions {
  readonly #exact = new Map<string, number>();
  readonly #globs: (readonly [glob: string, position: number])[] = [];

  /** @param parameter name of the ids in errors */
  constructor(ids: readonly string[], isNamed: (id: string) => boolean, parameter: string) {
    ids.forEach((id, position) => {
      if (isNamed(id)) return;
      if (isPattern(id)) this.#globs.push([id, position]);
      else this.#exact.set(id, position);
    });
    checkPatterns(
      parameter,
      this.#globs.map(([glob]) => glob),
    );
  }

  /** @param isGateways whether the id is a key of the gateway */
  of(id: string, isGateways: boolean): number | undefined {
    const found = this.#globs.find(
      ([glob]) => (!isGateways || glob.startsWith(":")) && matchesGlob(glob, id),
    );
    return this.#exact.get(id) ?? found?.[1];
  }
}

/** Stream id and visible name in a key. */
interface KeyParts {
  readonly id: string;
  readonly name: string;
}

/** Splits the keys of one device, or of none. */
function splitterOf({ keyOf, labelOf }: ReturnType<typeof namingOf>): (key: string) => KeyParts | undefined {
  const start = keyOf("");
  return (key) => {
    if (!key.startsWith(start) || key.length === start.length) return undefined;
    const id = key.slice(start.length);
    return { id, name: labelOf(id) };
  };
}

/** Splits the keys of all devices that match. */
function splitterOfAny(device: string, prefix: string): (key: string) => KeyParts | undefined {
  return (key) => {
    const colon = key.indexOf(":");
    const start = colon + 1 + prefix.length;
    if (colon <= 0 || key.length <= start || !key.startsWith(prefix, colon + 1)) return undefined;
    if (!matchesGlob(device, key.slice(0, colon))) return undefined;
    const id = key.slice(start);
    return { id, name: `${key.slice(0, colon)}:${id}` };
  };
}

/** Returns whether a stream is excluded, by its id and its visible name. */
function exclusionOf(
  { exclude, isLiteral }: SelectionOptions,
  hasDevicePattern: boolean,
): (id: string, name: string) => boolean {
  // The usual case, on a hot path.
  if (exclude.length === 0) return () => false;
  const names = new Set(exclude);
  if (isLiteral) return (id) => names.has(id);
  const globs = exclude.filter(isPattern);
  checkPatterns("exclude", globs);
  return (id, name) =>
    names.has(id) ||
    globs.some((glob) => matchesGlob(glob, id)) ||
    (hasDevicePattern &&
      (names.has(name) || globs.some((glob) => glob.includes(":") && matchesGlob(glob, name))));
}

/** Checks the number and the syntax of patterns. @param parameter its name in errors @throws GatewayError BAD_PARAMETER */
export function checkPatterns(parameter: string, patterns: readonly string[]): void {
  if (patterns.length > MAX_PATTERNS)
    throw badParameter(parameter, `must have at most ${MAX_PATTERNS} patterns, got ${patterns.length}`);
  for (const pattern of patterns) checkPattern(parameter, pattern);
}

function checkPattern(parameter: string, pattern: string): void {
  if (pattern.includes("**"))
    throw badParameter(parameter, 'must not contain "**"; "*" matches any characters');
  const problem = problemOfPattern(pattern);
  if (problem !== undefined) throw badParameter(parameter, `pattern ${problem}`);
}

const isPattern = (text: string): boolean => text.includes("*");

const literalStart = (pattern: string): string => pattern.slice(0, pattern.indexOf("*"));

/** Returns the common prefix of the keys of a pattern, up to the device, so that the patterns of a device share it. */
function scopeOf(pattern: string): string {
  const start = literalStart(pattern);
  const colon = start.indexOf(":");
  return colon > 0 ? start.slice(0, colon + 1) : start;
}

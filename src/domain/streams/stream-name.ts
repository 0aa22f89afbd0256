/**
 * Stream names: a client names a device, a prefix and a stream id, which make the key `{device_id}:{prefix}{stream_id}`.
 * An empty device names the key itself, `{prefix}{stream_id}`, so that streams of other programs are reachable.
 */
import { badParameter } from "../errors.ts";

/** Device of a request without a device. */
export const DEFAULT_DEVICE = "default";

/** Translates the stream ids of one request. */
export interface Naming {
  /** Returns the stream key of a stream id. Permissions are checked on this key, however it was spelled. */
  keyOf(streamId: string): string;
  /** Returns the name under which the client sees the stream. */
  labelOf(streamId: string): string;
}

/** Names of the parameters of a request, as its client sent them. Errors contain them. */
export interface ParameterNames {
  readonly ids: string;
  readonly device: string;
}

/** Names of the parameters on most routes. */
export const PARAMETER_NAMES: ParameterNames = { ids: "stream_id", device: "device_id" };

/** Parameters of a request's naming. */
export interface NamingOptions {
  /** Undefined: the default device. Empty: no device, the stream id is the key itself. */
  readonly device: string | undefined;
  readonly prefix: string;
  /** `DISABLE_MULTI_DEVICE_PREFIXING`: keys carry no device. */
  readonly noDevicePrefix: boolean;
  /** `MAX_NAME_BYTES`: longest device, prefix and stream id. */
  readonly maxNameBytes: number;
  /** `keep_device_id_in_stream_id`: labels keep the device. */
  readonly keepDevice?: boolean;
  /** @default PARAMETER_NAMES */
  readonly names?: ParameterNames;
}

/**
 * Creates the naming of a request.
 *
 * @throws GatewayError BAD_PARAMETER for a device or prefix that is too long, as `keyOf` does for a stream id
 */
export function namingOf(options: NamingOptions): Naming {
  const { device, prefix, noDevicePrefix, maxNameBytes, keepDevice = false } = options;
  const { names = PARAMETER_NAMES } = options;
  checkName(names.device, device ?? "", maxNameBytes);
  checkName("prefix", prefix, maxNameBytes);
  const deviceColon = noDevicePrefix || device === "" ? "" : `${device ?? DEFAULT_DEVICE}:`;
  return {
    keyOf(streamId) {
      checkName(names.ids, streamId, maxNameBytes);
      return `${deviceColon}${prefix}${streamId}`;
    },
    labelOf: (streamId) => (keepDevice ? `${deviceColon}${streamId}` : streamId),
  };
}

/**
 * Splits a URL's path segment into stream ids. An unescaped `+` separates; `%2B` is a literal plus and `%2F` a slash.
 *
 * @param segment still percent-encoded
 * @param max maximum number of streams
 * @throws GatewayError BAD_PARAMETER for invalid encoding, an empty stream id or too many streams
 */
export function parseStreamIds(segment: string, max: number): readonly string[] {
  const ids = splitNames(PARAMETER_NAMES.ids, segment);
  checkCount(PARAMETER_NAMES.ids, ids, max);
  return ids;
}

/** Checks the number of stream ids. @param parameter its name in errors @throws GatewayError BAD_PARAMETER for more than `max` */
export function checkCount(parameter: string, ids: readonly string[], max: number): void {
  if (ids.length > max) throw badParameter(parameter, `must name at most ${max} streams, got ${ids.length}`);
}

/**
 * Splits percent-encoded text into names. An unescaped `+` separates.
 *
 * @param parameter the name of the parameter in the error
 * @throws GatewayError BAD_PARAMETER if it cannot be decoded, or has an empty name
 */
export function splitNames(parameter: string, text: string): readonly string[] {
  // Split before decoding: afterwards a separator and a literal plus look the same.
  const names = text.split("+").map((part) => decodeName(parameter, part));
  if (names.includes("")) throw badParameter(parameter, "must not contain an empty stream id");
  return names;
}

/**
 * Checks the length of a name. Names become keys, which every list of streams contains in full.
 *
 * @param parameter name of the request parameter, for the error message
 * @throws GatewayError BAD_PARAMETER if it is longer than `max` bytes
 */
export function checkName(parameter: string, name: string, max: number): void {
  // A character takes at most three bytes for each of its UTF-16 units.
  if (name.length * 3 <= max) return;
  const bytes = name.length > max ? name.length : new TextEncoder().encode(name).length;
  if (bytes > max) throw badParameter(parameter, `must be at most ${max} bytes, got ${bytes}`);
}

/** Longest key that a request can name, in bytes: a device, a colon, a prefix and a stream id. */
export const maxKeyBytes = (maxNameBytes: number): number => 3 * maxNameBytes + 1;

/** Decodes a name of a URL. @throws GatewayError BAD_PARAMETER */
export function decodeName(parameter: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter(parameter, `must be percent-encoded UTF-8, got "${text.slice(0, 40)}"`);
  }
}

/** Returns the ids without duplicates: a stream named twice in one request counts once. */
export const withoutRepeats = (ids: readonly string[]): readonly string[] => [...new Set(ids)];

/** Splits a key: the first colon ends the device, which is empty without one. */
export function splitKey(key: string): { readonly device: string; readonly stream: string } {
  const colon = key.indexOf(":");
  return { device: key.slice(0, Math.max(0, colon)), stream: key.slice(colon + 1) };
}

/**
 * Stream names: what a client says (device, prefix, stream id) and the key in Redis that it means,
 * `{device_id}:{prefix}{stream_id}` (wire.md, "Names and keys").
 */
import { badParameter } from "./errors.ts";

/** The device of a stream that names none. */
export const DEFAULT_DEVICE = "default";

/** How names of one request become keys and back. */
export interface Naming {
  /** The stream key that a stream id means. */
  keyOf(streamId: string): string;
  /** What the client sees for a stream id. */
  labelOf(streamId: string): string;
}

/** What decides the naming of a request. */
export interface NamingOptions {
  /** Empty means the default device. */
  readonly device: string;
  readonly prefix: string;
  /** `DISABLE_MULTI_DEVICE_PREFIXING`: keys carry no device. */
  readonly noDevicePrefix: boolean;
  /** `keep_device_id_in_stream_id`: labels keep the device. */
  readonly keepDevice?: boolean;
}

/** Makes the naming of a request. */
export function namingOf({ device, prefix, noDevicePrefix, keepDevice = false }: NamingOptions): Naming {
  const deviceColon = noDevicePrefix ? "" : `${device === "" ? DEFAULT_DEVICE : device}:`;
  return {
    keyOf: (streamId) => `${deviceColon}${prefix}${streamId}`,
    labelOf: (streamId) => (keepDevice ? `${deviceColon}${streamId}` : streamId),
  };
}

/**
 * The stream ids of a URL's path segment: `a+b` names two (wire.md). A slash travels as `%2F`.
 *
 * @param segment still percent-encoded
 * @param most how many streams one request may name
 * @throws GatewayError BAD_PARAMETER where it cannot be decoded, names an empty stream or too many
 */
export function parseStreamIds(segment: string, most: number): readonly string[] {
  const ids = decodeSegment(segment).split("+");
  if (ids.includes("")) throw badParameter("stream_id", "names an empty stream");
  if (ids.length > most) throw badParameter("stream_id", `names ${ids.length} streams, more than ${most}`);
  return ids;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badParameter("stream_id", "is not percent-encoded UTF-8");
  }
}

/** The ids without repeats: a stream named twice in one request counts once (wire.md, "HTTP"). */
export const withoutRepeats = (ids: readonly string[]): readonly string[] => [...new Set(ids)];

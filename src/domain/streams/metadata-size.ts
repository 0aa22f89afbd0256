/** Size limit of metadata: every reader of a stream or a device has to parse all of it. */
import { GatewayError } from "../errors.ts";

/** Longest UTF-8 encoding of a UTF-16 code unit, in bytes. */
const MAX_BYTES_PER_UNIT = 3;

const encoder = new TextEncoder();

/**
 * Checks metadata before it is stored.
 *
 * @param what names the metadata in the error
 * @throws GatewayError TOO_LARGE
 */
export function checkMetaBytes(json: string, what: string, maxBytes: number): void {
  if (json.length * MAX_BYTES_PER_UNIT <= maxBytes) return;
  const bytes = encoder.encode(json).length;
  if (bytes > maxBytes) throw metaTooLarge(what, bytes, maxBytes);
}

/** Returns the error of metadata that exceeds the limit. @param what names the metadata in the error */
export const metaTooLarge = (what: string, bytes: number, maxBytes: number): GatewayError =>
  new GatewayError(
    "TOO_LARGE",
    `${what} must be at most ${maxBytes} bytes of JSON (MAX_META_BYTES), got ${bytes}`,
  );

/** Metadata that was not read. */
export interface UnreadMeta {
  /** Size in bytes. */
  readonly bytes: number;
  /** Maximum size that it exceeds; undefined if metadata that the same reader has read leaves no room for it. */
  readonly maxBytes: number | undefined;
}

/** Returns why metadata was not read. */
export const unreadReason = ({ bytes, maxBytes }: UnreadMeta): string =>
  maxBytes === undefined
    ? `its metadata of ${bytes} bytes is not read: the metadata of the selected streams is too large together`
    : `its metadata of ${bytes} bytes is not read: the maximum is ${maxBytes} bytes (MAX_META_BYTES)`;

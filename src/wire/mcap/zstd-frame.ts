/**
 * Head of zstd frames.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
 */

const FRAME_MAGIC = 0xfd2fb528;
/** Bytes of the window by whether the frame has only one segment, of the dictionary, and of the size, by the flags of the frame. */
const WINDOW_BYTES = 1;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
/** Smallest size that is stated with 2 bytes. */
const TWO_BYTES_FROM = 256n;

/** Returns the size of the content that a frame states; undefined if it states none, or is not a frame. */
export function zstdContentBytes(bytes: Uint8Array): bigint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 5 || view.getUint32(0, true) !== FRAME_MAGIC) return undefined;
  const flags = view.getUint8(4);
  const isOneSegment = (flags & 0x20) !== 0;
  const at = 5 + (isOneSegment ? 0 : WINDOW_BYTES) + (DICTIONARY_BYTES[flags & 3] ?? 0);
  const kind = flags >> 6;
  if (at + (kind === 0 ? 1 : 2 ** kind) > bytes.length) return undefined;
  if (kind === 0) return isOneSegment ? BigInt(view.getUint8(at)) : undefined;
  if (kind === 1) return BigInt(view.getUint16(at, true)) + TWO_BYTES_FROM;
  return kind === 2 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
}

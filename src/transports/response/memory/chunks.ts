/** Bytes to send as several parts, so that large parts are not copied. */

/** Bytes to send in order, with their total size. */
export interface Chunks {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

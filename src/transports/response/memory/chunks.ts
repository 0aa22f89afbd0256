/** Bytes to send as several parts, so that large parts are not copied. */

/** Bytes to send in order, with their total size. */
export interface Chunks {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/** Returns texts and bytes as chunks. */
export function chunksOf(pieces: readonly (string | Uint8Array)[]): Chunks {
  const parts = pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
  return { parts, bytes: parts.reduce((sum, { length }) => sum + length, 0) };
}

/** Returns a text as chunks. */
export function textChunks(text: string): Chunks {
  const bytes = Buffer.from(text);
  return { parts: [bytes], bytes: bytes.length };
}

/** Returns the size of chunks. */
export const bytesOfChunks = ({ bytes }: Chunks): number => bytes;

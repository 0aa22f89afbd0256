/** Memory of chunks that overlap in time: entries that are read in the order of their times need all of them at once. */
import type { ChunkSpan } from "../files/read-recording.ts";

/** Returns the maximum number of bytes of chunks that overlap at one time. */
export function maxBytesAtOnce(chunks: readonly Omit<ChunkSpan, "keys">[]): number {
  const changes = chunks.flatMap(({ fromMs, toMs, bytes }) => [
    { atMs: fromMs, bytes },
    { atMs: toMs, bytes: -bytes },
  ]);
  // A chunk that begins when another one ends is loaded before that one is released.
  changes.sort((a, b) => a.atMs - b.atMs || b.bytes - a.bytes);
  let now = 0;
  let max = 0;
  for (const { bytes } of changes) {
    now += bytes;
    max = Math.max(max, now);
  }
  return max;
}

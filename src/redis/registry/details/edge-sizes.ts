/**
 * Edge sizes: bytes of the first and the last entry of streams, which `XINFO STREAM` copies even where only the facts are
 * requested. Two entries of 500 KB take Redis 1 ms in a script, as long as 150 streams of small ones.
 */
import { BoundedMap } from "../../../domain/bounded-map.ts";

/** Smaller edges are not remembered. */
const LARGE_BYTES = 16 * 1024;
/** Streams remembered; above this, the oldest one is dropped. */
const MAX_STREAMS = 20_000;

/** Sizes of the edges of streams: of those whose edges are large, and of some others. */
export class EdgeSizes {
  readonly #bytes = new BoundedMap<number>(MAX_STREAMS);
  /** Streams whose edges were small. */
  readonly #small = new Set<string>();

  /** Returns the bytes of both edges; 0 if they are small or unknown. */
  expected(key: string): number {
    return this.#bytes.get(key) ?? 0;
  }

  /** Whether both edges were small when they were last read; false if unknown. */
  areSmall(key: string): boolean {
    return this.#small.has(key);
  }

  /** Sets the bytes of both edges. */
  learn(key: string, bytes: number): void {
    this.#bytes.delete(key);
    if (bytes >= LARGE_BYTES) {
      this.#small.delete(key);
      this.#bytes.set(key, bytes);
      return;
    }
    // Cleared, because evicting the oldest of 20,000 keys would cost more than the lookup of a small stream.
    if (this.#small.size >= MAX_STREAMS) this.#small.clear();
    this.#small.add(key);
  }

  /** Counts an entry that was appended, and that may be both edges. The next lookup corrects the size. */
  appended(key: string, bytes: number): void {
    if (2 * bytes >= LARGE_BYTES && 2 * bytes > this.expected(key)) this.learn(key, 2 * bytes);
  }
}

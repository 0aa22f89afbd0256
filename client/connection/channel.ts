/**
 * Bounded channel between a socket that pushes entries and a loop that pulls them. It counts bytes: at the high-water
 * mark it requests a pause, and at half of the mark it requests a resume. Items that arrive in spite of the pause fit up
 * to the cap. Beyond the cap an item is rejected, and the caller reads it again from Redis.
 */
import { createFifo } from "../../src/domain/fifo.ts";

/** Bounds and callbacks of a channel. */
export interface ChannelOptions {
  /** High-water mark: bytes at which `onFull` is called. */
  readonly highBytes: number;
  /** Hard limit of the buffered bytes. A single item larger than the limit is accepted into an empty channel. */
  readonly capBytes: number;
  /** Called when the high-water mark is reached, and not again before `onDrained`. */
  readonly onFull: () => void;
  /** Called when a full channel is drained to half of the high-water mark. */
  readonly onDrained: () => void;
}

/** A channel with one reader. */
export interface Channel<T> {
  /** Number of buffered items. */
  readonly size: number;
  /** Number of buffered bytes. */
  readonly bytes: number;
  /** True between `onFull` and `onDrained`. */
  readonly full: boolean;
  /** Adds an item. @returns false if the item exceeds the cap or the channel has ended */
  offer(item: T, bytes: number): boolean;
  /**
   * Returns the oldest item, or waits for one; undefined at the end.
   *
   * @throws the error passed to `end`, after all earlier items were taken
   */
  take(): Promise<T | undefined>;
  /** Ends the channel. Buffered items can still be taken. Only the first call has an effect. */
  end(error?: unknown): void;
}

/** Creates an empty channel. */
export function createChannel<T>({ highBytes, capBytes, onFull, onDrained }: ChannelOptions): Channel<T> {
  const queue = createFifo<{ readonly item: T; readonly bytes: number }>();
  let bytes = 0;
  let full = false;
  let ended: { readonly error: unknown } | undefined;
  let waiting: { resolve(item: T | undefined): void; reject(error: unknown): void } | undefined;

  return {
    get size() {
      return queue.size;
    },
    get bytes() {
      return bytes;
    },
    get full() {
      return full;
    },
    offer(item, itemBytes) {
      if (ended !== undefined) return false;
      if (waiting !== undefined) {
        waiting.resolve(item);
        waiting = undefined;
        return true;
      }
      if (queue.size > 0 && bytes + itemBytes > capBytes) return false;
      queue.add({ item, bytes: itemBytes });
      bytes += itemBytes;
      if (!full && bytes >= highBytes) {
        full = true;
        onFull();
      }
      return true;
    },
    take() {
      const next = queue.take();
      if (next !== undefined) {
        bytes -= next.bytes;
        if (full && bytes <= highBytes / 2) {
          full = false;
          onDrained();
        }
        return Promise.resolve(next.item);
      }
      if (ended !== undefined) {
        return ended.error === undefined ? Promise.resolve(undefined) : Promise.reject(ended.error);
      }
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
      });
    },
    end(error) {
      if (ended !== undefined) return;
      ended = { error };
      if (error === undefined) waiting?.resolve(undefined);
      else waiting?.reject(error);
      waiting = undefined;
    },
  };
}

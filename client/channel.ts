/**
 * The bounded channel between a socket that pushes and a loop that pulls. It counts bytes; above its high mark it
 * asks for a pause, and at half of that for more, so that it does not flap. What comes although a pause was asked for
 * still fits up to the cap; beyond that it is refused, and the caller reads it again from Redis, where it still is.
 */
import { createFifo } from "../src/domain/fifo.ts";

/** The bounds of a channel, and whom it asks. */
export interface ChannelOptions {
  /** Bytes at which `onFull` is called. */
  readonly highBytes: number;
  /** Bytes that the channel never holds more of, but for a single item that is larger than that by itself. */
  readonly capBytes: number;
  /** The high mark was reached: stop reading. Called once, until `onDrained` was called. */
  readonly onFull: () => void;
  /** Half of the high mark was reached from above: read on. */
  readonly onDrained: () => void;
}

/** A channel with one reader. */
export interface Channel<T> {
  /** Items in it. */
  readonly size: number;
  /** Bytes in it. */
  readonly bytes: number;
  /** True between `onFull` and `onDrained`. */
  readonly full: boolean;
  /** Adds an item of so many bytes. @returns false where it does not fit under the cap, or the channel has ended */
  offer(item: T, bytes: number): boolean;
  /**
   * The oldest item, waited for where there is none yet; undefined at the end.
   *
   * @throws what the channel ended with, once everything before it was taken
   */
  take(): Promise<T | undefined>;
  /** Ends the channel: what is in it is still taken, then the end or the error comes. Only the first call counts. */
  end(error?: unknown): void;
}

/** Makes an empty channel. */
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

/**
 * Frame numbers, for counting skipped frames. An entry id contains the time of an entry but not the number of entries before
 * it, so a reader with `latest` cannot count skipped entries by their ids. `push-image` therefore stores a frame number
 * in a field. For frames without a number the count is unknown.
 */
import type { StreamEntry } from "../../client/index.ts";

/** Field with the number of a frame in its run, from 0. */
const NUMBER_FIELD = "n";
/** Field with the id of a run. Numbers start at 0 in each run. */
const RUN_FIELD = "run";

/** Returns the fields of a numbered frame. */
export const frameFields = (run: string, frame: number): Record<string, string> => ({
  [NUMBER_FIELD]: String(frame),
  [RUN_FIELD]: run,
});

/** Counts skipped frames. */
export interface FrameCounter {
  /** Records a received frame. */
  add(entry: StreamEntry): void;
  /** Frames skipped between the received ones; undefined if no frame had a number. */
  readonly dropped: number | undefined;
  /** Received frames without a number. */
  readonly unnumbered: number;
}

const decoder = new TextDecoder();

/** Creates a counter. Frames before the first received frame of a run do not count as skipped. */
export function createFrameCounter(): FrameCounter {
  const lastOfRun = new Map<string, number>();
  let dropped = 0;
  let unnumbered = 0;
  return {
    add({ stream, fields }) {
      const text = (name: string) => {
        const value = fields?.get(name);
        return value instanceof Uint8Array ? decoder.decode(value) : "";
      };
      const number = text(NUMBER_FIELD);
      if (!/^\d{1,15}$/.test(number)) {
        unnumbered++;
        return;
      }
      const run = JSON.stringify([stream, text(RUN_FIELD)]);
      const last = lastOfRun.get(run);
      const frame = Number(number);
      if (last !== undefined && frame > last) dropped += frame - last - 1;
      lastOfRun.set(run, frame);
    },
    get dropped() {
      return lastOfRun.size === 0 ? undefined : dropped;
    },
    get unnumbered() {
      return unnumbered;
    },
  };
}

/**
 * Skipped frames, told truthfully. An entry id says when an entry was stored but not how many were stored before it, so
 * a reader of `latest` cannot know from ids what it skipped. `push-image` therefore numbers its frames, in fields beside
 * the payload; for frames without numbers the answer is that nobody knows.
 */
import type { StreamEntry } from "../client/index.ts";

/** The field with a frame's number in its run, from 0. */
const NUMBER_FIELD = "n";
/** The field that tells one run of a pusher from another: numbers start again at each. */
const RUN_FIELD = "run";

/** The fields of a numbered frame. */
export const frameFields = (run: string, frame: number): Record<string, string> => ({
  [NUMBER_FIELD]: String(frame),
  [RUN_FIELD]: run,
});

/** Counts the frames that did not come. */
export interface FrameCount {
  /** Takes note of a frame that came. */
  note(entry: StreamEntry): void;
  /** Frames skipped between those that came; undefined where no frame had a number. */
  readonly dropped: number | undefined;
  /** Frames that came without a number. */
  readonly unnumbered: number;
}

const decoder = new TextDecoder();

/** Makes a count with nothing noted yet. What came before the first frame of a run is not counted as skipped. */
export function createFrameCount(): FrameCount {
  const lastOfRun = new Map<string, number>();
  let dropped = 0;
  let unnumbered = 0;
  return {
    note({ stream, fields }) {
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

/** How many messages and bytes went by, altogether and a second. */
import { countText, durationText, rateText, sizeText, throughputText } from "./quantities.ts";

/** Counts messages. */
export interface Meter {
  readonly messages: number;
  readonly bytes: number;
  add(bytes: number): void;
  /** Rates over the last seconds, and the count so far: one line. */
  progress(): string;
  /** Rates over the whole time: one line. */
  totals(): string;
}

/** The time over which the shown rates are taken, ms: shorter flickers, longer lags. */
const WINDOW_MS = 3_000;
/** A new sample is taken when the last is so old, ms. */
const SAMPLE_MS = 200;

interface Sample {
  readonly atMs: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Makes a meter that starts now. @param now milliseconds of a clock that never goes back */
export function createMeter(now: () => number): Meter {
  const start: Sample = { atMs: now(), messages: 0, bytes: 0 };
  let samples: Sample[] = [start];
  let messages = 0;
  let bytes = 0;

  const since = (sample: Sample) => {
    const seconds = Math.max(0.001, (now() - sample.atMs) / 1e3);
    return {
      perSecond: (messages - sample.messages) / seconds,
      bytesPerSecond: (bytes - sample.bytes) / seconds,
    };
  };
  const ratesText = ({ perSecond, bytesPerSecond }: ReturnType<typeof since>) =>
    `${rateText(perSecond)}, ${throughputText(bytesPerSecond)}`;

  return {
    get messages() {
      return messages;
    },
    get bytes() {
      return bytes;
    },
    add(added) {
      messages++;
      bytes += added;
    },
    progress() {
      const atMs = now();
      const text = `${countText(messages)} messages, ${ratesText(since(samples[0] ?? start))}`;
      if (atMs - (samples.at(-1) ?? start).atMs >= SAMPLE_MS) {
        samples = [...samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS), { atMs, messages, bytes }];
      }
      return text;
    },
    totals() {
      const elapsed = durationText(now() - start.atMs);
      return `${countText(messages)} messages, ${sizeText(bytes)} in ${elapsed} (${ratesText(since(start))})`;
    },
  };
}

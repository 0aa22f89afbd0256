/** Counts messages and bytes, and computes their rates. */
import { countText, durationText, rateText, sizeText, throughputText } from "../output/quantities.ts";

/** Counts messages. */
export interface Meter {
  readonly messages: number;
  readonly bytes: number;
  add(bytes: number): void;
  /** The count so far and the rates over the last seconds, as one line. */
  progress(): string;
  /** The count and the rates over the whole run, as one line. */
  totals(): string;
}

/** Window of the displayed rates, ms. A shorter window flickers, a longer one lags. */
const WINDOW_MS = 3_000;
/** Minimum time between samples, ms. */
const SAMPLE_MS = 200;

interface Sample {
  readonly atMs: number;
  readonly messages: number;
  readonly bytes: number;
}

const messagesText = (messages: number): string =>
  messages === 1 ? "1 message" : `${countText(messages)} messages`;

/** Creates a meter that starts now. @param now monotonic clock, ms */
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
      const text = `${messagesText(messages)}, ${ratesText(since(samples[0] ?? start))}`;
      if (atMs - (samples.at(-1) ?? start).atMs >= SAMPLE_MS) {
        samples = [...samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS), { atMs, messages, bytes }];
      }
      return text;
    },
    totals() {
      const elapsed = durationText(now() - start.atMs);
      return `${messagesText(messages)}, ${sizeText(bytes)} in ${elapsed} (${ratesText(since(start))})`;
    },
  };
}

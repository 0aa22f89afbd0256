/** What is worth knowing about pictures that arrive: how large, how late, how many did not come. */
import type { StreamEntry } from "../client/index.ts";
import { createFrameCount } from "./frame-numbers.ts";
import { imageKind, jpegSize } from "./image-kind.ts";
import { countText, durationText, sizeText } from "./quantities.ts";

/** Takes note of pictures, and tells. */
export interface ImageReport {
  note(entry: StreamEntry): void;
  /** The last picture's size, the mean latency since the last call, and skipped frames: a part of a line. */
  progress(): string;
  /** Mean and longest latency, and skipped frames, of all: a part of a line. */
  totals(): string;
}

interface Latency {
  frames: number;
  sumMs: number;
  mostMs: number;
}

const noLatency = (): Latency => ({ frames: 0, sumMs: 0, mostMs: Number.NEGATIVE_INFINITY });
const meanText = ({ frames, sumMs }: Latency) => durationText(sumMs / frames);

/** Makes a report. @param wallClock milliseconds since 1970, to hold against entry ids */
export function createImageReport(wallClock: () => number): ImageReport {
  const frames = createFrameCount();
  let recent = noLatency();
  const all = noLatency();
  let last: Uint8Array | undefined;

  const droppedText = () => {
    if (frames.dropped === undefined) return "dropped unknown (the frames carry no numbers)";
    const rest =
      frames.unnumbered === 0 ? "" : `, unknown around ${countText(frames.unnumbered)} without a number`;
    return `dropped ${countText(frames.dropped)}${rest}`;
  };
  return {
    note(entry) {
      frames.note(entry);
      last = entry.data;
      // An entry id starts with the milliseconds of the moment that it was stored, by Redis' clock.
      const latencyMs = wallClock() - Number.parseInt(entry.id, 10);
      for (const latency of [recent, all]) {
        latency.frames++;
        latency.sumMs += latencyMs;
        latency.mostMs = Math.max(latency.mostMs, latencyMs);
      }
    },
    progress() {
      if (last === undefined) return "";
      const size = jpegSize(last);
      const pixels = size === undefined ? `${imageKind(last)}, ` : `${size.width}×${size.height}, `;
      const latency = recent.frames === 0 ? "" : `, latency ${meanText(recent)}`;
      recent = noLatency();
      return `, ${pixels}${sizeText(last.length)}${latency}, ${droppedText()}`;
    },
    totals() {
      if (all.frames === 0) return "";
      return `, latency ${meanText(all)} (most ${durationText(all.mostMs)}), ${droppedText()}`;
    },
  };
}

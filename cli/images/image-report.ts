/** Statistics of received images: size, latency and skipped frames. */

import type { StreamEntry } from "../../client/index.ts";
import { extensionOf } from "../../src/domain/content/detection.ts";
import { countText, durationText, sizeText } from "../output/quantities.ts";
import { createFrameCounter } from "./frame-numbers.ts";
import { jpegSize } from "./jpeg-size.ts";

/** Collects statistics of received images. */
export interface ImageReport {
  add(entry: StreamEntry): void;
  /** Size of the last image, mean latency since the last call, and skipped frames, as part of a line. */
  progress(): string;
  /** Mean and maximum latency and skipped frames of the whole run, as part of a line. */
  totals(): string;
}

interface Latency {
  frames: number;
  sumMs: number;
  maxMs: number;
}

const noLatency = (): Latency => ({ frames: 0, sumMs: 0, maxMs: Number.NEGATIVE_INFINITY });
const meanText = ({ frames, sumMs }: Latency) => durationText(sumMs / frames);

/** Creates a report. @param wallClock returns Unix ms, to compare with entry ids */
export function createImageReport(wallClock: () => number): ImageReport {
  const frames = createFrameCounter();
  let recent = noLatency();
  const all = noLatency();
  let last: Uint8Array | undefined;

  const droppedText = () => {
    if (frames.dropped === undefined) return "dropped unknown (frames are not numbered)";
    const rest =
      frames.unnumbered === 0
        ? ""
        : `, plus unknown around ${countText(frames.unnumbered)} unnumbered frames`;
    return `dropped ${countText(frames.dropped)}${rest}`;
  };
  return {
    add(entry) {
      frames.add(entry);
      last = entry.data;
      // An entry id starts with the time the entry was stored, in Unix ms by the clock of Redis.
      const latencyMs = wallClock() - Number.parseInt(entry.id, 10);
      for (const latency of [recent, all]) {
        latency.frames++;
        latency.sumMs += latencyMs;
        latency.maxMs = Math.max(latency.maxMs, latencyMs);
      }
    },
    progress() {
      if (last === undefined) return "";
      const size = jpegSize(last);
      const pixels = size === undefined ? `${extensionOf(last)}, ` : `${size.width}×${size.height}, `;
      const latency = recent.frames === 0 ? "" : `, latency ${meanText(recent)}`;
      recent = noLatency();
      return `, ${pixels}${sizeText(last.length)}${latency}, ${droppedText()}`;
    },
    totals() {
      if (all.frames === 0) return "";
      return `, latency ${meanText(all)} (max ${durationText(all.maxMs)}), ${droppedText()}`;
    },
  };
}

/** Pictures that a viewer drew in the last second: their rate and latency, as text. */
import { countText, spanText } from "../../page/format.ts";

const WINDOW_MS = 1000;

interface Drawn {
  readonly atMs: number;
  readonly latencyMs: number;
}

/** Pictures of the last second. */
export class DrawnPictures {
  #drawn: readonly Drawn[] = [];

  /** Counts a picture. @param timeMs time of its entry */
  add(timeMs: number): void {
    this.#drawn = [...this.#drawn, { atMs: performance.now(), latencyMs: Date.now() - timeMs }];
  }

  /**
   * Describes the rate, the latency, and pictures that were left out. A single picture of the past has no rate.
   *
   * @param start size of the picture, or a problem
   * @param isLive whether a latency is meaningful @param skipped number to show; undefined for none
   */
  describe(start: string, isLive: boolean, skipped: number | undefined): string {
    const now = performance.now();
    this.#drawn = this.#drawn.filter(({ atMs }) => atMs > now - WINDOW_MS);
    const latencies = this.#drawn.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const median = isLive ? latencies[latencies.length >> 1] : undefined;
    return [
      start,
      ...(isLive || this.#drawn.length > 1 ? [`${this.#drawn.length} fps`] : []),
      ...(median === undefined ? [] : [`latency ${latencyText(median)}`]),
      ...(skipped === undefined ? [] : [`${countText(skipped)} skipped`]),
    ].join(", ");
  }
}

/** Formats a latency. Clocks differ, so a negative latency is displayed as 0. */
const latencyText = (ms: number): string => (ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : spanText(ms));

/** Interface of a canvas that decodes the entries of a stream and draws the newest picture. */
import type { PulledEntry } from "../../../client/browser.ts";
import type { StreamCounters } from "../image/skip-counter.ts";
import type { PictureSize } from "./picture-size.ts";

/** Called for each picture that was drawn. */
export type DrawnEvent = (entry: PulledEntry, size: PictureSize) => void;

/** Creates a canvas. @param broken called if its code cannot be loaded */
export type CreateScreen = (drawn: DrawnEvent, broken: () => void) => PictureScreen;

/** Decodes and draws. */
export interface PictureScreen {
  readonly canvas: HTMLCanvasElement;
  /** Shows the newest of these entries, oldest first. */
  show(entries: readonly PulledEntry[]): void;
  /** Called with the width at which the picture is displayed, CSS pixels. */
  placed?(width: number): void;
  /** Records the counters of the stream while it is followed live; undefined otherwise. */
  count?(counters: StreamCounters | undefined): void;
  /** Describes size, rate, latency and skipped pictures. @param isLive whether a latency is meaningful */
  describe(isLive: boolean): string;
  /** Saves the shown picture as a file. */
  save(name: string): void;
  stop(): void;
}

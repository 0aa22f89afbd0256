/** Interface between the sensors of the device and the sender of their readings. */
import type { Declaration } from "../../../client/browser.ts";

/** Reason for which the code of a worker cannot be loaded: an upgraded gateway has only that of its own page. */
export const OUTDATED_PAGE =
  "A part of this page cannot be loaded. The gateway may have been upgraded since the page was opened. Reload the page.";

/** Receives the readings of an open capture. */
export interface CaptureOutput {
  /** Whether a picture that is made now is sent at once. If not, the camera makes none, and counts it as skipped. */
  readonly isReady: boolean;
  /** Sends an entry. */
  entry(data: Uint8Array | string): void;
  /** Counts an entry that was left out. */
  skipped(): void;
  /** Shows the newest reading. */
  reading(text: string): void;
  /** Reports that there are no readings for now, and why. The next entry ends this state. */
  waits(hint: string): void;
  /** Reports that the capture ended by itself. @param error the reason */
  ended(error: unknown): void;
}

/** A capture that is open. */
export interface OpenCapture {
  /** Content of the stream. */
  readonly declaration: Declaration;
  /** Preview of the camera. */
  readonly preview?: HTMLVideoElement;
  stop(): void;
}

/** Opens a capture. The browser may request the user's permission. @throws DOMException if it is refused or not possible */
export type OpenCaptureWith<Options> = (options: Options, output: CaptureOutput) => Promise<OpenCapture>;

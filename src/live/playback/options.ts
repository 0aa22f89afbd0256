/** Options and commands of a playback. */
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Delivery, DeliveryContext } from "../delivery.ts";
import type { PlaybackState } from "./state-reports.ts";
import type { PlaybackTimers } from "./timers.ts";

/** Options of a playback. */
export interface PlaybackOptions {
  /** The first id of the range; `0-0` starts at the first entry. */
  readonly start: EntryId;
  /** The last id of the range. */
  readonly end: EntryId;
  /** Multiple of the original pace; 0 is as fast as the sink accepts. */
  readonly rate: number;
  /** Start again at the end. */
  readonly loop: boolean;
  /** If the client is slower, skip entries instead of waiting. */
  readonly latest: boolean;
  /** Maximum entries of each stream in a frame; if absent, there is none. With `latest`, the number after a skip. */
  readonly count?: number;
  /** Called with the state on each change, and every second while the playback plays. */
  readonly onState?: (state: PlaybackState) => void;
}

/** Controls of a playback. */
export interface PlaybackControls {
  /** Virtual time, in ms since 1970. */
  readonly time: number;
  /** Whether it continues as an ordinary subscription. */
  readonly isLive: boolean;
  /** Stops the clock. */
  pause(): void;
  /** Starts the clock. @param rate the new rate; undefined keeps it */
  play(rate?: number): void;
  /** Continues at an id. @throws GatewayError BAD_PAYLOAD outside of the range */
  seek(id: EntryId): void;
  /** Pauses, and sends one entry of each stream: the one that many entries ahead, or back if negative. */
  step(steps: number): void;
  /** Continues after the last entry that was sent, as an ordinary subscription. */
  live(): void;
}

/** A playback at work. */
export type Playback = Delivery & PlaybackControls;

/** Parts of a playback besides the context. */
export interface PlaybackParts<Frame> {
  /** Creates the delivery of a playback that becomes live. */
  readonly createLive: (context: DeliveryContext<Frame>) => Delivery;
  /** Maximum bytes that are read ahead per stream. */
  readonly pageBytes: number;
  readonly timers: PlaybackTimers;
}

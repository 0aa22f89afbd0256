/**
 * Playback as the client sees it over all of its connections: the caller's last command, the position, and which entries
 * precede the last seek. After a reconnect it continues where it was.
 */

import { GatewayError } from "../../src/domain/errors.ts";
import { parseTime } from "../../src/domain/streams/cursor.ts";
import { type EntryId, FIRST_ID, idBefore, laterId } from "../../src/domain/streams/entry-id.ts";
import { formatNamedCursors } from "../../src/domain/streams/named-cursors.ts";
import type { PlaybackNotice } from "../../src/wire/notices/playback-notice.ts";
import type { PulledStreamNotice } from "../../src/wire/notices/stream-notice.ts";
import { finalError } from "../errors.ts";
import type { Socket } from "../transport/transport.ts";
import type { Position } from "./cursors.ts";
import type { PatternHandlers } from "./pattern-position.ts";

/** A time: an entry id, ms since 1970, an ISO 8601 time, or a date. */
export type PlaybackTime = string | number | Date;

/** State of a playback. */
export type PlaybackState = PlaybackNotice;

/** A value that changes, and reports each change. */
export interface PlaybackSignal {
  /** Undefined until the gateway has reported it. */
  readonly value: PlaybackState | undefined;
  /** Calls back on each change. @returns a function that ends it */
  subscribe(listener: (state: PlaybackState) => void): () => void;
}

/** Commands to a playback. Without a connection, they apply to the next one. */
export interface PlaybackCommands {
  /** Stops the clock. */
  pause(): void;
  /** Starts the clock. @param rate the new rate, 0.1 to 100 or 0; if absent, it does not change */
  play(rate?: number): void;
  /** Continues at a time of the range. Entries from before the seek are dropped. */
  seek(time: PlaybackTime): void;
  /** Pauses, and requests one entry of each stream. @param entries number of entries ahead, or back if negative */
  step(entries?: number): void;
  /** Continues after the last entries as a live pull, without a gap or a repeat. */
  live(): void;
}

/** Returns a time as the gateway reads it. */
export const timeText = (time: PlaybackTime): string =>
  time instanceof Date ? time.toISOString() : typeof time === "number" ? String(Math.floor(time)) : time;

/** State of one playback. */
export class PlaybackSession implements Position, PlaybackCommands {
  readonly streams: readonly string[];
  readonly #isPattern: boolean;
  readonly #handlers: PatternHandlers;
  readonly #listeners = new Set<(state: PlaybackState) => void>();
  readonly signal: PlaybackSignal;
  /** The last entry of each stream since the last seek. */
  readonly #cursors = new Map<string, EntryId>();
  /** Cursor of the streams without an entry since then: right before the time of the seek. */
  #others: EntryId = FIRST_ID;
  #rate: number;
  #state: PlaybackState | undefined;
  #mode: "playing" | "paused" | "live" = "playing";
  #socket: Socket | undefined;
  /** Seeks that the gateway has not reported yet. */
  #openSeeks = 0;
  #seeksBefore = 0;
  #lastSeek = 0;
  #steps = 0;
  /** Counts seeks of the caller: entries of an earlier epoch are dropped. */
  epoch = 0;

  constructor(streams: readonly string[], isPattern: boolean, rate: number, handlers: PatternHandlers) {
    this.streams = streams;
    this.#isPattern = isPattern;
    this.#rate = rate;
    this.#handlers = handlers;
    const self = this;
    this.signal = {
      get value() {
        return self.#state;
      },
      subscribe(listener) {
        self.#listeners.add(listener);
        return () => void self.#listeners.delete(listener);
      },
    };
  }

  get text(): string {
    if (this.#isPattern) return formatNamedCursors(this.#cursors, this.#others);
    return this.streams.map((stream) => this.#cursors.get(stream) ?? this.#others).join("+");
  }

  get rate(): number {
    return this.#rate;
  }

  async resolve(): Promise<void> {}

  has(stream: string): boolean {
    return this.#isPattern || this.streams.includes(stream);
  }

  advance(stream: string, id: string): void {
    this.#cursors.set(stream, id as EntryId);
  }

  /** Brings a new connection, which begins at the cursors, into the commanded mode. */
  opened(socket: Socket): void {
    this.#socket = socket;
    this.#openSeeks = 0;
    this.#seeksBefore = this.#lastSeek;
    if (this.#mode === "live") this.#send({ live: true });
    if (this.#mode === "paused") this.#send({ pause: true });
    if (this.#steps !== 0) this.#send({ step: this.#steps });
    this.#steps = 0;
  }

  closed(): void {
    this.#socket = undefined;
  }

  /** Takes a reported state. */
  take(state: PlaybackNotice): void {
    const seek = this.#seeksBefore + state.seek;
    if (seek > this.#lastSeek) {
      // Without an open seek, it is a new start by `loop`.
      if (this.#openSeeks === 0) this.#moveTo(FIRST_ID);
      this.#openSeeks = Math.max(0, this.#openSeeks - (seek - this.#lastSeek));
      this.#lastSeek = seek;
    }
    this.#state = { ...state, seek };
    for (const listener of this.#listeners) listener(this.#state);
  }

  /** Takes a report about the streams of a pattern. */
  takeStreams(notice: PulledStreamNotice): void {
    if ("joined" in notice) this.#handlers.onJoined?.(notice.joined);
    else if ("left" in notice) {
      this.#cursors.delete(notice.left);
      this.#handlers.onLeft?.(notice.left);
    }
  }

  /** Whether entries that arrive now precede a seek. */
  get isSeeking(): boolean {
    return this.#openSeeks > 0;
  }

  pause(): void {
    this.#mode = "paused";
    this.#send({ pause: true });
  }

  play(rate?: number): void {
    if (rate !== undefined) this.#rate = rate;
    if (this.#mode !== "live") this.#mode = "playing";
    this.#send({ play: rate === undefined ? true : { rate } });
  }

  seek(time: PlaybackTime): void {
    const text = timeText(time);
    this.#moveTo(idBefore(idOf(text)) ?? FIRST_ID);
    if (this.#mode === "live") this.#mode = "playing";
    this.epoch++;
    if (this.#socket === undefined) return;
    this.#openSeeks++;
    this.#send({ seek: text });
  }

  step(entries = 1): void {
    this.#mode = "paused";
    if (this.#socket === undefined) this.#steps += entries;
    else this.#send({ step: entries });
  }

  live(): void {
    // All streams were sent up to the last entry of any.
    if (this.#mode !== "live") this.#others = [...this.#cursors.values()].reduce(laterId, this.#others);
    this.#mode = "live";
    this.#send({ live: true });
  }

  #moveTo(cursor: EntryId): void {
    this.#cursors.clear();
    this.#others = cursor;
  }

  #send(command: object): void {
    this.#socket?.send(JSON.stringify(command));
  }
}

/** The first id of a time. @throws StreamerError BAD_PARAMETER */
function idOf(time: string): EntryId {
  try {
    return parseTime("seek", time, "least");
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw finalError(error.code, error.message, error);
  }
}

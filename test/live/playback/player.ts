/** A playback of the engine on a fake clock, which records the entries that it sends, and when. */
import type { StreamEntries } from "../../../src/domain/streams/entry.ts";
import { type EntryId, FIRST_ID, idBefore, LAST_ID } from "../../../src/domain/streams/entry-id.ts";
import type { OnDemandOptions } from "../../../src/live/on-demand.ts";
import type { PlaybackControls, PlaybackOptions } from "../../../src/live/playback/options.ts";
import type { PlaybackState } from "../../../src/live/playback/state-reports.ts";
import type { Reservation } from "../../../src/live/sink.ts";
import type { Subscription } from "../../../src/live/subscription.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { type Engine, openEngine } from "../../support/gateway/engine.ts";
import { eventLoopTurns } from "../../support/until.ts";
import { FakeTimers } from "./fake-timers.ts";

/** One entry that was sent. */
export interface Sent {
  readonly stream: string;
  readonly id: EntryId;
  /** When, on the fake clock. */
  readonly at: number;
}

/** Options of a player. */
export interface PlayerOptions extends Partial<PlaybackOptions> {
  readonly pageBytes?: number;
  readonly onDemand?: OnDemandOptions;
  readonly memory?: Reservation;
  /** Encodes frames in slices. */
  readonly encodeSteps?: (
    streams: readonly StreamEntries[],
  ) => Generator<void, readonly StreamEntries[]> | undefined;
}

/** A playback and its engine. */
export class Player implements Disposable {
  readonly timers = new FakeTimers();
  readonly sent: Sent[] = [];
  readonly states: PlaybackState[] = [];
  readonly errors: Error[] = [];
  readonly counters = createCounters();
  readonly engine: Engine;
  readonly subscription: Subscription;
  frames = 0;
  #isFull = false;
  #onDrained: (() => void) | undefined;

  constructor(redisUrl: string, keys: readonly string[], options: PlayerOptions) {
    const { pageBytes = 4096, onDemand, memory, encodeSteps, ...rest } = options;
    this.engine = openEngine(redisUrl, {
      ...{ tail: "tracking", recentBytes: 2 ** 20, pageCacheBytes: 2 ** 20, answerBytes: 2 ** 20 },
      ...{ pageBytes, playbackTimers: this.timers },
    });
    const playback: PlaybackOptions = {
      ...{ start: FIRST_ID, end: LAST_ID, rate: 1, loop: false, latest: false },
      ...rest,
      onState: (state) => this.states.push(state),
    };
    const cursor = idBefore(playback.start) ?? FIRST_ID;
    this.subscription = this.engine.subscriber(this.counters)<readonly StreamEntries[]>({
      streams: keys.map((key) => ({ key, name: key, cursor, madeFromTime: cursor, isAtEnd: false })),
      encoder: { encode: (streams) => streams, ...(encodeSteps && { encodeSteps }) },
      ...(memory && { memory }),
      sink: {
        write: (streams) => this.#write(streams),
        isFull: () => this.#isFull,
        whenDrained: (callback) => {
          this.#onDrained = callback;
        },
      },
      playback,
      ...(onDemand && { onDemand }),
      onError: (error) => this.errors.push(error),
    });
  }

  get controls(): PlaybackControls {
    const { playback } = this.subscription;
    if (playback === undefined) throw new Error("the subscription has ended");
    return playback;
  }

  get ids(): readonly EntryId[] {
    return this.sent.map(({ id }) => id);
  }

  get status(): string | undefined {
    return this.states.at(-1)?.status;
  }

  /** The sink is full after the next frame. */
  block(): void {
    this.#isFull = true;
  }

  drain(): void {
    this.#isFull = false;
    const callback = this.#onDrained;
    this.#onDrained = undefined;
    callback?.();
  }

  /** Waits until all reads are answered and all frames encoded. No time passes on the fake clock. */
  async settle(): Promise<void> {
    do {
      await eventLoopTurns(2);
    } while (this.engine.readsInFlight() > 0 || this.subscription.isEncoding());
  }

  /** Lets time pass, up to a time on the fake clock, or until the playback has ended. */
  async play(until = Number.POSITIVE_INFINITY): Promise<void> {
    await this.settle();
    while (this.status !== "ended" && this.errors.length === 0) {
      if (!this.timers.fireNext(until)) break;
      await this.settle();
    }
    if (until !== Number.POSITIVE_INFINITY) this.timers.moveTo(until);
  }

  [Symbol.dispose](): void {
    this.subscription.close();
    this.engine[Symbol.dispose]();
  }

  #write(streams: readonly StreamEntries[]): void {
    this.frames++;
    for (const { stream, entries } of streams)
      for (const { id } of entries) this.sent.push({ stream, id, at: this.timers.now() });
  }
}

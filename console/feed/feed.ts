/**
 * Entries of one open stream in one of four modes: followed live, paused, at a moment of its history, or played from there.
 * Live mode is a pull loop of the client, which reconnects by itself. The buffer is bounded in entries and bytes.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type PulledEntry, type Status, type Streamer, StreamerError } from "../../client/browser.ts";
import { imageTypeOf } from "../../src/domain/content/detection.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { clockText, errorText } from "../page/format.ts";
import { FeedBuffer, type Rate } from "./feed-buffer.ts";
import { playbackTiming } from "./playback-timing.ts";

/** A stream and its device. */
export interface StreamName {
  readonly stream: string;
  readonly device: string | undefined;
}

/** Mode of the feed: new entries, the state when paused, a past moment, or playback. */
export type Mode = "live" | "paused" | "past" | "playing";

/** A range of a stream, read from its start or, `reverse`, from its end. */
interface Range {
  readonly start?: string;
  readonly end?: string;
  readonly reverse: boolean;
}

/** Bounds of the history that is read when a stream is opened. */
const RECENT_ENTRIES = 500;
const RECENT_BYTES = 4e6;
/** Maximum number of entries per page of a playback. */
const PLAYBACK_PAGE = 200;
/** Delay before a failed read of history is retried, ms. */
const RETRY_MS = 1000;

/** An open stream. It reads nothing before the first call of `follow`, `goTo` or `play`. */
export class Feed {
  readonly #streamer: Streamer;
  readonly #name: StreamName;
  readonly #buffer = new FeedBuffer();
  readonly #mode = signal<Mode>("live");
  readonly #problem = signal("");
  /** Aborts the current read. */
  #run = new AbortController();
  #isFollowing = false;
  #isLatest = false;
  /** The argument of the last `follow`, for the return from playback to live. */
  #requestedLatest: boolean | undefined;

  /** Playback speed; 1 is the rate at which the entries were added. */
  readonly speed: Signal<number> = signal(1);

  constructor(streamer: Streamer, name: StreamName) {
    this.#streamer = streamer;
    this.#name = name;
  }

  /** The displayed entries, oldest first. */
  get entries(): ReadonlySignal<readonly PulledEntry[]> {
    return this.#buffer.entries;
  }

  get mode(): ReadonlySignal<Mode> {
    return this.#mode;
  }

  /** Rate over the last second. */
  get rate(): ReadonlySignal<Rate> {
    return this.#buffer.rate;
  }

  /** Number of gaps since the stream was opened. */
  get gaps(): ReadonlySignal<number> {
    return this.#buffer.gaps;
  }

  /** Message of the current problem; empty if there is none. */
  get problem(): ReadonlySignal<string> {
    return this.#problem;
  }

  /**
   * Follows the stream live.
   *
   * @param latest whether to receive only the newest entry each time the page is ready; undefined selects it for images
   */
  follow(latest: boolean | undefined): void {
    this.#requestedLatest = latest;
    if (this.#isFollowing && latest === this.#isLatest) return;
    this.#mode.value = "live";
    const aborted = this.#restart();
    this.#isFollowing = true;
    this.#isLatest = latest ?? false;
    void this.#retry(aborted, () => this.#followFrom(latest, aborted));
  }

  pause(): void {
    this.#buffer.display();
    this.#mode.value = "paused";
    this.#restart();
  }

  /** Shows the entries up to a moment, Unix ms. */
  goTo(ms: number): void {
    this.#showPast({ end: String(ms), reverse: true }, false);
  }

  /** Moves one entry forward (1) or back (-1). */
  step(direction: 1 | -1): void {
    this.#buffer.display();
    const shown = this.entries.value.at(-1);
    if (shown === undefined) return;
    if (direction === 1) this.#showPast({ start: `(${shown.id}`, reverse: false }, true);
    else if (this.entries.value.length > 1) {
      this.#mode.value = "past";
      this.#restart();
      this.#buffer.replace(this.entries.value.slice(0, -1));
    } else this.#showPast({ end: `(${shown.id}`, reverse: true }, false);
  }

  /** Plays from the displayed entry. At the newest entry it switches to live. */
  play(): void {
    this.#buffer.display();
    this.#mode.value = "playing";
    const aborted = this.#restart();
    void this.#retry(aborted, () => this.#playFrom(aborted));
  }

  /** Stops all reads and timers. */
  stop(): void {
    this.#run.abort();
    this.#buffer.stop();
  }

  /** Aborts the current read. @returns the signal of the next one */
  #restart(): AbortSignal {
    this.#run.abort();
    this.#run = new AbortController();
    this.#isFollowing = false;
    this.#buffer.dropPending();
    this.#problem.value = "";
    return this.#run.signal;
  }

  #add(entry: PulledEntry): void {
    this.#buffer.receive(entry, this.#isLatest);
  }

  /** Reads one page of a range. The size of its first entry limits the number of entries, so that the page stays small. */
  async #read(range: Range, maxEntries: number, aborted: AbortSignal): Promise<PulledEntry[]> {
    const { stream, device } = this.#name;
    const options = { ...range, device, signal: aborted };
    const [first] = await collect(this.#streamer.entries(stream, { ...options, count: 1 }));
    if (first === undefined || maxEntries === 1) return first === undefined ? [] : [first];
    const count = Math.max(1, Math.min(maxEntries, Math.floor(RECENT_BYTES / (first.data.length + 1))));
    const page = await collect(this.#streamer.entries(stream, { ...options, count, pageCount: count }));
    return range.reverse ? page.reverse() : page;
  }

  /** Runs an action, and again after a retryable error. */
  async #retry(aborted: AbortSignal, action: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await action();
      } catch (error) {
        if (aborted.aborted) return;
        this.#problem.value = errorText(error);
        if (!(error instanceof StreamerError) || !error.retryable) return;
        await sleep(RETRY_MS, aborted).catch(() => undefined);
        if (aborted.aborted) return;
      }
    }
  }

  async #followFrom(latest: boolean | undefined, aborted: AbortSignal): Promise<void> {
    const { stream, device } = this.#name;
    const [newest] = await this.#read({ reverse: true }, 1, aborted);
    aborted.throwIfAborted();
    this.#isLatest = latest ?? (newest !== undefined && imageTypeOf(newest.data) !== undefined);
    const recent =
      this.#isLatest && newest !== undefined
        ? [newest]
        : await this.#read({ reverse: true }, RECENT_ENTRIES, aborted);
    aborted.throwIfAborted();
    this.#buffer.replace(recent);
    this.#problem.value = "";
    const loop = this.#streamer.pull([stream], {
      device,
      from: recent.at(-1)?.id ?? "0",
      latest: this.#isLatest,
      signal: aborted,
      onStatus: (status) => {
        if (!aborted.aborted) this.#problem.value = statusText(status);
      },
    });
    for await (const entry of loop) this.#add(entry);
  }

  async #playFrom(aborted: AbortSignal): Promise<void> {
    const { stream, device } = this.#name;
    let last: PulledEntry | undefined;
    // Entries added during playback are played too. It switches to live when a read returns no more entries.
    do {
      last = this.entries.value.at(-1);
      const bytes = (last?.data.length ?? 0) + 1;
      const pageCount = Math.max(1, Math.min(PLAYBACK_PAGE, Math.floor(RECENT_BYTES / bytes)));
      const start = last === undefined ? "-" : `(${last.id}`;
      const loop = this.#streamer.entries(stream, { start, device, pageCount, signal: aborted });
      this.#problem.value = "";
      const timed = playbackTiming(loop, last?.timeMs ?? 0, () => this.speed.value, aborted);
      for await (const entry of timed) this.#add(entry);
      if (aborted.aborted) return;
      this.#buffer.display();
    } while (this.entries.value.at(-1) !== last);
    this.follow(this.#requestedLatest);
  }

  #showPast(range: Range, isStep: boolean): void {
    this.#mode.value = "past";
    const aborted = this.#restart();
    void this.#retry(aborted, async () => {
      const found = await this.#read(range, isStep || this.#isLatest ? 1 : RECENT_ENTRIES, aborted);
      if (aborted.aborted) return;
      this.#problem.value = "";
      if (!isStep || range.reverse) this.#buffer.replace(found);
      else if (found.length > 0) this.#buffer.append(found);
    });
  }
}

/** Describes a connection state in which no entry can arrive; empty for other states. */
function statusText(status: Status): string {
  switch (status.state) {
    case "waiting":
      return `reconnecting: ${status.error.message}`;
    case "redis-unavailable":
      return `Redis has not responded since ${clockText(status.since)}; showing the last received entries`;
    case "silent":
      return `the gateway has not responded since ${clockText(status.since)}; showing the last received entries`;
    case "connecting":
    case "open":
      return "";
    default:
      return status satisfies never;
  }
}

async function collect(loop: AsyncIterable<PulledEntry>): Promise<PulledEntry[]> {
  const all: PulledEntry[] = [];
  for await (const entry of loop) all.push(entry);
  return all;
}

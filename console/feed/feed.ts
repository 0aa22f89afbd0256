/**
 * Entries of one open stream: followed live, or those up to a moment of its history. The clock of the workspace decides which.
 * Live mode is a pull loop of the client, which reconnects by itself. The buffer is bounded in entries and bytes.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { type PulledEntry, type Status, type Streamer, StreamerError } from "../../client/browser.ts";
import { imageTypeOf } from "../../src/domain/content/detection.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { clockText, errorText } from "../page/format.ts";
import { FeedBuffer, type Rate } from "./feed-buffer.ts";
import { BEFORE_LIVE, countFor, type Range, RECENT, readRange } from "./history.ts";
import { Span } from "./span.ts";

/** Mode of the feed: new entries, no further entries, a past moment, or entries of a playback. */
export type Mode = "live" | "frozen" | "past" | "playing";

/** Delay before a failed read of history is retried, ms. */
const RETRY_MS = 1000;

/** Stream of a viewer, live or at a past moment. It reads nothing before the first call of `follow` or `showAt`. */
export class Feed {
  readonly #streamer: Streamer;
  readonly #buffer: FeedBuffer;
  readonly #mode = signal<Mode>("live");
  /** Long range around a moment of the past. */
  readonly #span = new Span((range, count, aborted) => this.#read(range, count, aborted));
  readonly #problem = signal("");
  /** Aborts the current read. */
  #run = new AbortController();
  #isFollowing = false;
  /** Whether only the newest entry is shown; undefined before the first entry is known, which decides if it is an image. */
  #isLatest: boolean | undefined;
  /** Request of the viewer; undefined selects it for images. */
  #requestedLatest: boolean | undefined;

  /** Key of the stream. */
  readonly key: string;

  /** @param displayMs interval at which received entries are displayed; undefined selects the default */
  constructor(streamer: Streamer, key: string, displayMs?: number) {
    this.#streamer = streamer;
    this.#buffer = new FeedBuffer(displayMs);
    this.key = key;
  }

  /** The displayed entries, oldest first. */
  get entries(): ReadonlySignal<readonly PulledEntry[]> {
    return this.#buffer.entries;
  }

  /** Entries of the span after the shown moment of the past; empty in other modes, and without a span. */
  get later(): ReadonlySignal<readonly PulledEntry[]> {
    return this.#span.later;
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

  /** Selects whether to show only the newest entry each time the page is ready; undefined selects it for images. */
  setLatest(latest: boolean | undefined): void {
    this.#requestedLatest = latest;
    if (latest === this.#isLatest || (latest === undefined && this.#isLatest !== undefined)) return;
    this.#isLatest = latest;
    if (this.#isFollowing) {
      this.#isFollowing = false;
      this.follow();
    }
  }

  /** Selects how much is shown at a moment of the past. @param spanMs may be infinite; undefined selects some seconds */
  setSpan(spanMs: number | undefined): void {
    if (spanMs === this.#span.lengthMs) return;
    this.#span.clear();
    this.#span.lengthMs = spanMs;
    const mode = this.#mode.peek();
    if (mode === "past" || mode === "frozen") void this.#readSpan();
  }

  /** Follows the stream live. */
  follow(): void {
    if (this.#isFollowing) return;
    this.#mode.value = "live";
    const aborted = this.#restart();
    this.#span.clear();
    this.#isFollowing = true;
    void this.#retry(aborted, () => this.#followNow(aborted));
  }

  /** Keeps the displayed entries. */
  freeze(): void {
    this.#buffer.display();
    this.#mode.value = "frozen";
    this.#restart();
    void this.#readSpan();
  }

  /** Shows the entries up to a moment. @param end Unix ms or an entry id, inclusive @returns when they are shown */
  async showAt(end: string): Promise<void> {
    this.#mode.value = "past";
    const aborted = this.#restart();
    const known = this.#span.at(end);
    if (known !== undefined) {
      this.#buffer.replace(known);
      // A finite span follows the moment.
      if (Number.isFinite(this.#span.lengthMs)) void this.#readSpan();
      return;
    }
    await this.#retry(aborted, async () => {
      const found = await this.#recent({ end, reverse: true }, RECENT, aborted);
      if (aborted.aborted) return;
      this.#problem.value = "";
      this.#buffer.replace(found);
      void this.#readSpan();
    });
  }

  /** Adds an entry of a playback. */
  receive(entry: PulledEntry): void {
    this.#mode.value = "playing";
    this.#span.clear();
    this.#add(entry);
  }

  /** Displays the received entries. */
  display(): void {
    this.#buffer.display();
  }

  /** Stops all reads and timers. */
  stop(): void {
    this.#run.abort();
    this.#span.clear();
    this.#buffer.stop();
  }

  /** Aborts the current read. @returns the signal of the next one */
  #restart(): AbortSignal {
    this.#run.abort();
    this.#run = new AbortController();
    this.#isFollowing = false;
    this.#buffer.dropPending();
    this.#span.hide();
    this.#problem.value = "";
    return this.#run.signal;
  }

  #add(entry: PulledEntry): void {
    this.#buffer.receive(entry, this.#isLatest ?? false);
  }

  /** Reads the entries that a viewer shows: the last one of an image stream, else some seconds of a sensor. */
  async #recent(range: Range, bounds: typeof RECENT, aborted: AbortSignal): Promise<PulledEntry[]> {
    const [newest] = await this.#read(range, 1, aborted);
    aborted.throwIfAborted();
    if (newest !== undefined && this.#requestedLatest === undefined)
      this.#isLatest = imageTypeOf(newest.data) !== undefined;
    if (newest === undefined || this.#isLatest) return newest === undefined ? [] : [newest];
    return (await this.#read(range, countFor(bounds, newest), aborted)).reverse();
  }

  /** Replaces the entries of a past moment by those of the whole span, once the moment stays. */
  async #readSpan(): Promise<void> {
    const newest = this.entries.peek().at(-1);
    if (newest === undefined || this.#isLatest) return;
    const hasLater = this.#mode.peek() === "past";
    await this.#span.read(newest, hasLater, this.#run.signal, (entries) => this.#buffer.replace(entries));
  }

  /** Reads a part of a range. */
  #read(range: Range, count: number, signal: AbortSignal): Promise<PulledEntry[]> {
    return readRange(this.#streamer, this.key, { ...range, count }, signal);
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

  async #followNow(aborted: AbortSignal): Promise<void> {
    const recent = await this.#recent({ reverse: true }, BEFORE_LIVE, aborted);
    aborted.throwIfAborted();
    this.#buffer.replace(recent);
    this.#problem.value = "";
    const loop = this.#streamer.pull([this.key], {
      device: "",
      pattern: false,
      from: recent.at(-1)?.id ?? "0",
      latest: this.#isLatest ?? false,
      signal: aborted,
      onStatus: (status) => {
        if (!aborted.aborted) this.#problem.value = statusText(status);
      },
    });
    for await (const entry of loop) {
      // Received before the abort, and no longer wanted.
      if (aborted.aborted) return;
      this.#add(entry);
    }
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

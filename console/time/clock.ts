/**
 * The clock of the workspace. All panes follow it, so that they show the same moment: live, paused, at a moment of the past,
 * or played from there. Playback is one session of the gateway for the streams of all panes, with one virtual clock.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Playback, PlaybackState, PulledEntry, Streamer } from "../../client/browser.ts";
import { isLater } from "../page/entry-id.ts";
import { errorText, msOfId } from "../page/format.ts";

/** Part of a feed that a clock controls. */
export interface TimedFeed {
  readonly key: string;
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  follow(): void;
  freeze(): void;
  showAt(end: string): Promise<void>;
  receive(entry: PulledEntry): void;
  display(): void;
}

/** Mode of the clock. `buffering` is a playback that waits for entries. */
export type ClockMode = "live" | "paused" | "past" | "playing" | "buffering";

/** Selectable speeds. */
export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 20, 50, 100] as const;

/** Names of the modes. */
export const MODE_TEXTS: Readonly<Record<ClockMode, string>> = {
  live: "live",
  paused: "paused",
  past: "history",
  playing: "playing",
  buffering: "buffering",
};

/** Clock of the page: live, paused, or playing. */
export class Clock {
  readonly #streamer: Streamer;
  readonly #feeds = new Set<TimedFeed>();
  readonly #mode = signal<ClockMode>("live");
  readonly #problem = signal("");
  /** Unix ms or an entry id: the last moment that is shown. */
  readonly #position = signal("0");
  readonly #speed: Signal<number> = signal(1);
  /** The running playback, and its abort controller. */
  #playback: Playback | undefined;
  #run = new AbortController();
  /** Time of the playback when it was last reported, and when that was. */
  #reported = { timeMs: 0, atMs: 0, rate: 0 };

  constructor(streamer: Streamer) {
    this.#streamer = streamer;
  }

  get mode(): ReadonlySignal<ClockMode> {
    return this.#mode;
  }

  /** Whether time passes: live, or in a playback. */
  get isRunning(): boolean {
    return this.#mode.value !== "paused" && this.#mode.value !== "past";
  }

  /** Message of the current problem of the playback; empty if there is none. */
  get problem(): ReadonlySignal<string> {
    return this.#problem;
  }

  /** Multiple of the original pace. */
  get speed(): ReadonlySignal<number> {
    return this.#speed;
  }

  /** The shown moment as Unix ms or entry id; undefined while it is live. It changes when the user moves, not while it plays. */
  get position(): string | undefined {
    return this.#mode.value === "live" ? undefined : this.#position.value;
  }

  /** Time of the newest shown entry, Unix ms; undefined if none is shown. */
  get newestMs(): number | undefined {
    return msOfId(this.#newestShown() ?? "");
  }

  /** The shown time, Unix ms. Live, it is that of the newest entry: it stands still when the devices do. */
  get timeMs(): number {
    const { timeMs, atMs, rate } = this.#reported;
    if (this.#mode.peek() === "live") return this.newestMs ?? Date.now();
    if (this.#mode.peek() === "playing") return timeMs + (performance.now() - atMs) * rate;
    return this.#mode.peek() === "buffering" ? timeMs : (msOfId(this.#position.peek()) ?? 0);
  }

  /** The shown moment as a text that a pane stores: `live`, Unix ms or an entry id. */
  get moment(): string {
    if (this.#mode.peek() === "live") return "live";
    return this.#isPlaying ? String(Math.floor(this.timeMs)) : this.#position.peek();
  }

  /** Shows a moment. @param moment `live`, Unix ms or an entry id */
  show(moment: string): void {
    if (moment === "live") this.live();
    else this.seek(moment);
  }

  /** Adds a pane's feed and shows the current moment in it. */
  attach(feed: TimedFeed): void {
    this.#feeds.add(feed);
    const mode = this.#mode.peek();
    if (mode === "live") feed.follow();
    else if (mode === "playing" || mode === "buffering") void this.#playFrom(String(Math.floor(this.timeMs)));
    else void feed.showAt(this.#position.peek());
  }

  /** Removes a feed. */
  detach(feed: TimedFeed): void {
    this.#feeds.delete(feed);
  }

  /** Follows the streams live. */
  live(): void {
    this.#stopPlayback();
    this.#mode.value = "live";
    for (const feed of this.#feeds) feed.follow();
  }

  /** Keeps the shown entries. */
  pause(): void {
    const wasLive = this.#mode.peek() === "live";
    if (!this.isRunning) return;
    for (const feed of this.#feeds) feed.freeze();
    const shown = this.#newestShown();
    const timeMs = wasLive ? Date.now() : Math.floor(this.timeMs);
    this.#position.value = wasLive ? (shown ?? String(timeMs)) : String(timeMs);
    this.#stopPlayback();
    this.#mode.value = "paused";
  }

  /** Shows a moment of the past. Playback continues from there. @param position Unix ms or an entry id */
  seek(position: string): void {
    const wasPlaying = this.#isPlaying;
    this.#position.value = position;
    if (wasPlaying) void this.#playFrom(position);
    else {
      this.#stopPlayback();
      this.#mode.value = "past";
      for (const feed of this.#feeds) void feed.showAt(position);
    }
  }

  /** Plays from the shown moment. At the end of the streams it becomes live. */
  play(): void {
    if (this.isRunning) return;
    void this.#playFrom(this.#position.peek(), false);
  }

  /** Changes the speed, also of a running playback. */
  setSpeed(speed: number): void {
    this.#speed.value = speed;
    this.#playback?.play(speed);
  }

  /**
   * Moves to the next (1) or the previous (-1) entry of a stream. All panes show its moment.
   *
   * @param key the stream; if absent, the one whose entry is shown last
   */
  async step(direction: 1 | -1, key?: string): Promise<void> {
    this.pause();
    const feeds = [...this.#feeds];
    const feed = feeds.find((one) => one.key === key) ?? feeds[0];
    if (feed === undefined) return;
    feed.display();
    const base = feed.entries.peek().at(-1)?.id ?? this.#position.peek();
    const range = direction === 1 ? { start: after(base) } : { end: `(${base}`, reverse: true };
    const run = this.#run.signal;
    try {
      const found = this.#streamer.entries(feed.key, { ...range, device: "", count: 1, signal: run });
      for await (const { id } of found) if (!run.aborted) this.seek(id);
      this.#problem.value = "";
    } catch (error) {
      if (!run.aborted) this.#problem.value = errorText(error);
    }
  }

  /** Ends the playback. */
  stop(): void {
    this.#stopPlayback();
    this.#feeds.clear();
  }

  get #isPlaying(): boolean {
    return this.#mode.peek() === "playing" || this.#mode.peek() === "buffering";
  }

  #newestShown(): string | undefined {
    return [...this.#feeds]
      .map(({ entries }) => entries.peek().at(-1)?.id)
      .filter((id) => id !== undefined)
      .reduce<string | undefined>((max, id) => (max !== undefined && isLater(max, id) ? max : id), undefined);
  }

  #stopPlayback(): void {
    this.#run.abort();
    this.#run = new AbortController();
    this.#playback = undefined;
    this.#problem.value = "";
  }

  /** @param isMoved whether the feeds do not show the position yet */
  async #playFrom(position: string, isMoved = true): Promise<void> {
    this.#stopPlayback();
    const { signal: aborted } = this.#run;
    this.#mode.value = "buffering";
    this.#report({ time: msOfId(position) ?? 0, rate: 0 });
    if (isMoved) await Promise.all([...this.#feeds].map((feed) => feed.showAt(position)));
    if (aborted.aborted) return;
    const keys = new Set([...this.#feeds].map(({ key }) => key));
    if (keys.size === 0) return this.live();
    const playback = this.#streamer.play([...keys], {
      device: "",
      pattern: false,
      start: after(position),
      rate: this.#speed.peek(),
      signal: aborted,
    });
    this.#playback = playback;
    const unsubscribe = playback.state.subscribe((state) => {
      if (!aborted.aborted) this.#follow(state);
    });
    try {
      for await (const entry of playback) {
        if (aborted.aborted) return;
        for (const feed of this.#feeds) if (feed.key === entry.stream) feed.receive(entry);
      }
    } catch (error) {
      if (!aborted.aborted) this.#problem.value = errorText(error);
    } finally {
      unsubscribe();
    }
  }

  #follow(state: PlaybackState): void {
    this.#report(state);
    if (state.status === "ended") this.live();
    else if (state.status === "playing" || state.status === "buffering") this.#mode.value = state.status;
  }

  #report({ time, rate }: Pick<PlaybackState, "time" | "rate">): void {
    this.#reported = { timeMs: time, atMs: performance.now(), rate };
  }
}

/** Returns the start of a range after a position. */
const after = (position: string): string =>
  position.includes("-") ? `(${position}` : String(Number(position) + 1);

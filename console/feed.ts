/**
 * The entries of one open stream: followed live, stopped, as they were at a moment in its history, or played from there.
 * Live is a loop of the client, which comes back by itself; what is kept here is bounded in entries and bytes.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type PulledEntry, type Status, type Streamer, StreamerError } from "../client/browser.ts";
import { imageTypeOf } from "../src/domain/content.ts";
import { sleep } from "../src/domain/sleep.ts";
import { clockText, errorText } from "./format.ts";
import { paced } from "./playback-timing.ts";

/** Which stream. */
export interface StreamName {
  readonly stream: string;
  readonly device: string | undefined;
}

/** What the entries are: as they come, as they stood when it was paused, those of a past moment, or played from one. */
export type Mode = "live" | "paused" | "past" | "playing";

/** How fast entries come. */
export interface Pace {
  readonly entries: number;
  readonly bytes: number;
}

/** An open stream. */
export interface Feed {
  /** Oldest first. */
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly mode: ReadonlySignal<Mode>;
  /** How fast it is played: 1 is as fast as entries were added. */
  readonly speed: Signal<number>;
  /** Per second, over the last second. */
  readonly pace: ReadonlySignal<Pace>;
  /** Gaps that were told since it was opened. */
  readonly gaps: ReadonlySignal<number>;
  /** What is wrong; empty where nothing is. */
  readonly problem: ReadonlySignal<string>;
  /**
   * Follows it.
   *
   * @param latest only the newest entry each time the page is ready for one; undefined: where they are pictures
   */
  follow(latest: boolean | undefined): void;
  pause(): void;
  /** Shows what had come until a moment, ms since 1970. */
  goTo(ms: number): void;
  /** Goes one entry on, or back. */
  step(direction: 1 | -1): void;
  /** Plays from what is shown; at the newest entry it is followed live. */
  play(): void;
  stop(): void;
}

/** What is kept: enough for some seconds of a fast sensor. */
const MOST_ENTRIES = 4000;
const MOST_BYTES = 16e6;
/** What is read of the past for a first look. */
const RECENT_ENTRIES = 500;
const RECENT_BYTES = 4e6;
/** Entries of a page that is played. */
const PLAYED_PAGE = 200;
/** How often what came is shown, ms. */
const SHOW_MS = 50;
/** How long to wait before history is asked for again, ms. */
const RETRY_MS = 1000;

/** Opens a stream. Nothing is read yet. */
export function createFeed(streamer: Streamer, { stream, device }: StreamName): Feed {
  const entries = signal<readonly PulledEntry[]>([]);
  const mode = signal<Mode>("live");
  const speed = signal(1);
  const pace = signal<Pace>({ entries: 0, bytes: 0 });
  const gaps = signal(0);
  const problem = signal("");
  let run = new AbortController();
  let isLatest = false;
  let isFollowing = false;
  let wanted: boolean | undefined;
  let come: PulledEntry[] = [];
  let comeBytes = 0;
  let show: ReturnType<typeof setTimeout> | undefined;
  let counted = { entries: 0, bytes: 0 };
  const beat = setInterval(() => {
    pace.value = counted;
    counted = { entries: 0, bytes: 0 };
  }, 1000);

  function restart(): AbortSignal {
    run.abort();
    run = new AbortController();
    isFollowing = false;
    come = [];
    comeBytes = 0;
    problem.value = "";
    return run.signal;
  }

  function flush(): void {
    clearTimeout(show);
    show = undefined;
    if (come.length === 0) return;
    entries.value = bounded([...entries.value, ...come]);
    come = [];
    comeBytes = 0;
  }

  function add(entry: PulledEntry): void {
    counted = { entries: counted.entries + 1, bytes: counted.bytes + entry.data.length };
    if (entry.gap) gaps.value++;
    come.push(entry);
    comeBytes += entry.data.length;
    if (isLatest || come.length >= MOST_ENTRIES || comeBytes >= MOST_BYTES) flush();
    else show ??= setTimeout(flush, SHOW_MS);
  }

  /** Reads a page that ends at a bound, or begins behind one, of about as many entries as can be shown. */
  async function read(
    range: { readonly start?: string; readonly end?: string; readonly reverse: boolean },
    most: number,
    aborted: AbortSignal,
  ): Promise<PulledEntry[]> {
    const options = { ...range, device, signal: aborted };
    const [first] = await collect(streamer.entries(stream, { ...options, count: 1 }));
    if (first === undefined || most === 1) return first === undefined ? [] : [first];
    const count = Math.max(1, Math.min(most, Math.floor(RECENT_BYTES / (first.data.length + 1))));
    const page = await collect(streamer.entries(stream, { ...options, count, pageCount: count }));
    return range.reverse ? page.reverse() : page;
  }

  /** Does it, and where it fails for a reason that passes, again. */
  async function persist(aborted: AbortSignal, act: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (aborted.aborted) return;
        problem.value = errorText(error);
        if (!(error instanceof StreamerError) || !error.retryable) return;
        await sleep(RETRY_MS, aborted).catch(() => undefined);
        if (aborted.aborted) return;
      }
    }
  }

  async function followNow(latest: boolean | undefined, aborted: AbortSignal): Promise<void> {
    const [newest] = await read({ reverse: true }, 1, aborted);
    aborted.throwIfAborted();
    isLatest = latest ?? (newest !== undefined && imageTypeOf(newest.data) !== undefined);
    const recent =
      isLatest && newest !== undefined ? [newest] : await read({ reverse: true }, RECENT_ENTRIES, aborted);
    aborted.throwIfAborted();
    entries.value = recent;
    problem.value = "";
    const loop = streamer.pull([stream], {
      device,
      from: recent.at(-1)?.id ?? "0",
      latest: isLatest,
      signal: aborted,
      onStatus(status) {
        if (!aborted.aborted) problem.value = waitText(status);
      },
    });
    for await (const entry of loop) add(entry);
  }

  async function playNow(aborted: AbortSignal): Promise<void> {
    let last: PulledEntry | undefined;
    // What was added while the rest was played is played too: only where nothing is left is it followed live.
    do {
      last = entries.value.at(-1);
      const bytes = (last?.data.length ?? 0) + 1;
      const pageCount = Math.max(1, Math.min(PLAYED_PAGE, Math.floor(RECENT_BYTES / bytes)));
      const start = last === undefined ? "-" : `(${last.id}`;
      const loop = streamer.entries(stream, { start, device, pageCount, signal: aborted });
      problem.value = "";
      for await (const entry of paced(loop, last?.timeMs ?? 0, () => speed.value, aborted)) add(entry);
      if (aborted.aborted) return;
      flush();
    } while (entries.value.at(-1) !== last);
    follow(wanted);
  }

  function follow(latest: boolean | undefined): void {
    wanted = latest;
    if (isFollowing && latest === isLatest) return;
    mode.value = "live";
    const aborted = restart();
    isFollowing = true;
    isLatest = latest ?? false;
    void persist(aborted, () => followNow(latest, aborted));
  }

  function showPast(range: { start?: string; end?: string; reverse: boolean }, isStep: boolean): void {
    mode.value = "past";
    const aborted = restart();
    void persist(aborted, async () => {
      const found = await read(range, isStep || isLatest ? 1 : RECENT_ENTRIES, aborted);
      if (aborted.aborted) return;
      problem.value = "";
      if (!isStep || range.reverse) entries.value = found;
      else if (found.length > 0) entries.value = bounded([...entries.value, ...found]);
    });
  }

  return {
    entries,
    mode,
    speed,
    pace,
    gaps,
    problem,
    follow,
    pause() {
      flush();
      mode.value = "paused";
      restart();
    },
    goTo: (ms) => showPast({ end: String(ms), reverse: true }, false),
    step(direction) {
      flush();
      const shown = entries.value.at(-1);
      if (shown === undefined) return;
      if (direction === 1) showPast({ start: `(${shown.id}`, reverse: false }, true);
      else if (entries.value.length > 1) {
        mode.value = "past";
        restart();
        entries.value = entries.value.slice(0, -1);
      } else showPast({ end: `(${shown.id}`, reverse: true }, false);
    },
    play() {
      flush();
      mode.value = "playing";
      const aborted = restart();
      void persist(aborted, () => playNow(aborted));
    },
    stop() {
      run.abort();
      clearInterval(beat);
      clearTimeout(show);
    },
  };
}

/** What following a stream waits for; empty where it waits for entries alone. */
function waitText(status: Status): string {
  switch (status.state) {
    case "waiting":
      return `reconnecting: ${status.error.message}`;
    case "redis-unavailable":
      return `Redis has not answered since ${clockText(status.since)}; what is shown is the last that arrived`;
    case "silent":
      return `the gateway has not answered since ${clockText(status.since)}; what is shown is the last that arrived`;
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

/** The newest of them that fit. */
function bounded(all: readonly PulledEntry[]): readonly PulledEntry[] {
  let bytes = 0;
  let from = all.length;
  while (from > 0 && all.length - from < MOST_ENTRIES) {
    bytes += all[from - 1]?.data.length ?? 0;
    if (bytes > MOST_BYTES && from < all.length) break;
    from--;
  }
  return all.slice(from);
}

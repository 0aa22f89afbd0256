/** What there is, asked for again and again: devices, streams, and how fast each grows. */
import { type ReadonlySignal, signal } from "@preact/signals";
import {
  type DeviceInfo,
  type ServerInfo,
  type Streamer,
  StreamerError,
  type StreamInfo,
} from "../client/browser.ts";
import { clockText, errorText } from "./format.ts";

/** A stream of the list. */
export interface ListedStream extends StreamInfo {
  /** Entries added a second, since the last look; undefined where it is not known yet. */
  readonly rate: number | undefined;
  /** Payload bytes added a second: the rate, and the size of entries as seen at the looks. */
  readonly bytesRate: number | undefined;
  /** The rates of the last looks, oldest first. */
  readonly rates: readonly number[];
}

/** A stream that came or went while this page looked. */
export interface StreamEvent {
  readonly timeMs: number;
  readonly key: string;
  readonly what: "created" | "deleted";
}

/** What keeps the list from being current. */
export interface Problem {
  readonly what: "gateway" | "redis" | "login" | "late" | "other";
  readonly message: string;
}

/** The list as it is now. */
export interface Listing {
  readonly streams: ReadonlySignal<readonly ListedStream[] | undefined>;
  readonly devices: ReadonlySignal<readonly DeviceInfo[]>;
  readonly server: ReadonlySignal<ServerInfo | undefined>;
  readonly problem: ReadonlySignal<Problem | undefined>;
  /** Streams that came and went since this page was opened, oldest first. */
  readonly changes: ReadonlySignal<readonly StreamEvent[]>;
  /** Looks at once. */
  refresh(): void;
  stop(): void;
}

/** Least time between two looks, ms. */
const PERIOD_MS = 1000;
/** A look may take this share of the time, so that a large list does not keep the gateway busy. */
const PAUSE_PER_LOOK = 4;
/** A look that takes longer (ms) is reported, so that what is shown is not taken for what is. */
const LATE_MS = 2000;
/** Rates that are kept of each stream. */
const MOST_RATES = 40;
/** How much the size of the last entry counts against those seen before. */
const NEW_SIZE_SHARE = 0.2;
/** Streams coming and going that are kept. */
const MOST_CHANGES = 500;

/** What is known of a stream from one look to the next. */
interface Before {
  readonly info: StreamInfo;
  readonly bytesPerEntry: number;
  readonly rates: readonly number[];
}

/** Starts to look. */
export function watchListing(streamer: Streamer): Listing {
  const streams = signal<readonly ListedStream[] | undefined>(undefined);
  const devices = signal<readonly DeviceInfo[]>([]);
  const server = signal<ServerInfo | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  const changes = signal<readonly StreamEvent[]>([]);
  const controller = new AbortController();
  const { signal: stopped } = controller;
  let before: ReadonlyMap<string, Before> = new Map();
  let beforeMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let late: ReturnType<typeof setTimeout> | undefined;
  let looking = false;

  function noteChanges(listed: readonly ListedStream[]): void {
    const now = new Set(listed.map(({ key }) => key));
    const timeMs = Date.now();
    const created = [...now].filter((key) => !before.has(key));
    const deleted = [...before.keys()].filter((key) => !now.has(key));
    if (created.length === 0 && deleted.length === 0) return;
    changes.value = [
      ...changes.value,
      ...created.map((key) => ({ timeMs, key, what: "created" as const })),
      ...deleted.map((key) => ({ timeMs, key, what: "deleted" as const })),
    ].slice(-MOST_CHANGES);
  }

  async function look(): Promise<void> {
    const startedMs = performance.now();
    looking = true;
    const lookedAt = new Date();
    late = setTimeout(() => {
      problem.value = { what: "late", message: `since ${clockText(lookedAt)}` };
    }, LATE_MS);
    try {
      const options = { signal: stopped };
      const [found, who, what] = await Promise.all([
        streamer.streams(options),
        streamer.devices(options),
        streamer.server(options),
      ]);
      const listed = compare(found, before, (startedMs - beforeMs) / 1000);
      if (beforeMs > 0) noteChanges(listed);
      streams.value = listed;
      devices.value = who;
      server.value = what;
      problem.value = undefined;
      before = new Map(
        listed.map((stream) => [
          stream.key,
          {
            info: stream,
            bytesPerEntry: bytesPerEntryOf(before.get(stream.key), stream),
            rates: stream.rates,
          },
        ]),
      );
      beforeMs = startedMs;
    } catch (error) {
      if (stopped.aborted) return;
      problem.value = problemOf(error);
    }
    clearTimeout(late);
    looking = false;
    const tookMs = performance.now() - startedMs;
    timer = setTimeout(look, Math.max(PERIOD_MS, tookMs * PAUSE_PER_LOOK));
  }

  void look();
  return {
    streams,
    devices,
    server,
    problem,
    changes,
    refresh() {
      if (looking) return;
      clearTimeout(timer);
      void look();
    },
    stop() {
      controller.abort();
      clearTimeout(timer);
      clearTimeout(late);
    },
  };
}

/**
 * What a look adds to what was known before.
 *
 * @param seconds since the look before
 */
export function compare(
  found: readonly StreamInfo[],
  before: ReadonlyMap<string, Before>,
  seconds: number,
): readonly ListedStream[] {
  return found.map((stream) => {
    const known = before.get(stream.key);
    const rate = rateOf(known?.info, stream, seconds);
    const rates = known?.rates ?? [];
    return {
      ...stream,
      rate,
      bytesRate: rate === undefined ? undefined : rate * bytesPerEntryOf(known, stream),
      rates: rate === undefined ? rates : [...rates.slice(-MOST_RATES + 1), rate],
    };
  });
}

/** Entries differ in size, and only the last of them is seen: what was seen before counts too. */
const bytesPerEntryOf = (known: Before | undefined, { lastBytes, lastId }: StreamInfo): number => {
  if (known === undefined) return lastBytes;
  if (known.info.lastId === lastId) return known.bytesPerEntry;
  return known.bytesPerEntry + (lastBytes - known.bytesPerEntry) * NEW_SIZE_SHARE;
};

function rateOf(before: StreamInfo | undefined, now: StreamInfo, seconds: number): number | undefined {
  if (before === undefined || now.added < before.added) return undefined;
  // Redis before 7 does not count what was added: only that nothing was can be known.
  if (now.added === 0) return now.lastId === before.lastId ? 0 : undefined;
  return (now.added - before.added) / seconds;
}

function problemOf(error: unknown): Problem {
  const code = error instanceof StreamerError ? error.code : "";
  const message = errorText(error);
  if (code === "REDIS_UNAVAILABLE" || code === "REDIS_FULL") return { what: "redis", message };
  if (error instanceof StreamerError && error.status === 401) return { what: "login", message };
  if (code === "UNREACHABLE" || code === "CONNECTION_LOST") return { what: "gateway", message };
  return { what: "other", message };
}

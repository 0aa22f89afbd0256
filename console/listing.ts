/** Polls the lists of devices and streams, and computes the rate of each stream. */
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
  /** Entries added per second since the previous poll; undefined if not known yet. */
  readonly rate: number | undefined;
  /** Bytes added per second: the rate times the mean size of the polled last entries. */
  readonly bytesRate: number | undefined;
  /** Rates of the last polls, oldest first. */
  readonly rates: readonly number[];
}

/** A stream that was created or deleted since the page was opened. */
export interface StreamEvent {
  readonly timeMs: number;
  readonly key: string;
  readonly what: "created" | "deleted";
}

/** A problem that prevents an update of the list. */
export interface Problem {
  readonly what: "gateway" | "redis" | "login" | "late" | "other";
  readonly message: string;
}

/** The current lists. */
export interface Listing {
  readonly streams: ReadonlySignal<readonly ListedStream[] | undefined>;
  readonly devices: ReadonlySignal<readonly DeviceInfo[]>;
  readonly server: ReadonlySignal<ServerInfo | undefined>;
  readonly problem: ReadonlySignal<Problem | undefined>;
  /** Streams created and deleted since the page was opened, oldest first. */
  readonly changes: ReadonlySignal<readonly StreamEvent[]>;
  /** Polls immediately. */
  refresh(): void;
  stop(): void;
}

/** Minimum time between two polls, ms. */
const PERIOD_MS = 1000;
/** The delay between polls is at least this many times the duration of a poll, so that a large list does not overload the gateway. */
const DELAY_PER_POLL = 4;
/** A poll that takes longer is reported, because the displayed data is stale, ms. */
const LATE_MS = 2000;
/** Number of rates kept per stream. */
const MAX_RATES = 40;
/** Weight of the last entry's size in the moving average. */
const SIZE_WEIGHT = 0.2;
/** Number of stream events kept. */
const MAX_CHANGES = 500;

/** State of a stream between two polls. */
interface Previous {
  readonly info: StreamInfo;
  readonly bytesPerEntry: number;
  readonly rates: readonly number[];
}

/** Starts to poll. */
export function watchListing(streamer: Streamer): Listing {
  const streams = signal<readonly ListedStream[] | undefined>(undefined);
  const devices = signal<readonly DeviceInfo[]>([]);
  const server = signal<ServerInfo | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  const changes = signal<readonly StreamEvent[]>([]);
  const controller = new AbortController();
  const { signal: stopped } = controller;
  let before: ReadonlyMap<string, Previous> = new Map();
  let beforeMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let late: ReturnType<typeof setTimeout> | undefined;
  let isPolling = false;

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
    ].slice(-MAX_CHANGES);
  }

  async function poll(): Promise<void> {
    const startedMs = performance.now();
    isPolling = true;
    const startedAt = new Date();
    late = setTimeout(() => {
      problem.value = { what: "late", message: `since ${clockText(startedAt)}` };
    }, LATE_MS);
    try {
      const options = { signal: stopped };
      const [found, listedDevices, info] = await Promise.all([
        streamer.streams(options),
        streamer.devices(options),
        streamer.server(options),
      ]);
      const listed = compare(found, before, (startedMs - beforeMs) / 1000);
      if (beforeMs > 0) noteChanges(listed);
      streams.value = listed;
      devices.value = listedDevices;
      server.value = info;
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
    isPolling = false;
    const tookMs = performance.now() - startedMs;
    timer = setTimeout(poll, Math.max(PERIOD_MS, tookMs * DELAY_PER_POLL));
  }

  void poll();
  return {
    streams,
    devices,
    server,
    problem,
    changes,
    refresh() {
      if (isPolling) return;
      clearTimeout(timer);
      void poll();
    },
    stop() {
      controller.abort();
      clearTimeout(timer);
      clearTimeout(late);
    },
  };
}

/**
 * Computes the rates of streams from two polls.
 *
 * @param seconds since the previous poll
 */
export function compare(
  found: readonly StreamInfo[],
  before: ReadonlyMap<string, Previous>,
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
      rates: rate === undefined ? rates : [...rates.slice(-MAX_RATES + 1), rate],
    };
  });
}

/** Moving average of the entry size. A poll returns only the size of the last entry. */
const bytesPerEntryOf = (known: Previous | undefined, { lastBytes, lastId }: StreamInfo): number => {
  if (known === undefined) return lastBytes;
  if (known.info.lastId === lastId) return known.bytesPerEntry;
  return known.bytesPerEntry + (lastBytes - known.bytesPerEntry) * SIZE_WEIGHT;
};

function rateOf(before: StreamInfo | undefined, now: StreamInfo, seconds: number): number | undefined {
  if (before === undefined || now.added < before.added) return undefined;
  // Redis before 7 has no counter of added entries. An unchanged last id means a rate of 0; otherwise the rate is unknown.
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

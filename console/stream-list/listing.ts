/** Polls the lists of devices and streams, and computes the rate of each stream. */
import { type ReadonlySignal, signal } from "@preact/signals";
import {
  type DeviceInfo,
  type ServerInfo,
  type Streamer,
  StreamerError,
  type StreamInfo,
} from "../../client/browser.ts";
import { clockText, errorText } from "../page/format.ts";

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
  /** Time of day of the last response before the problem. */
  readonly since?: string | undefined;
}

/** Current lists of streams and devices, polled. */
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
export const watchListing = (streamer: Streamer): Listing => new PolledListing(streamer);

class PolledListing implements Listing {
  readonly streams = signal<readonly ListedStream[] | undefined>(undefined);
  readonly devices = signal<readonly DeviceInfo[]>([]);
  readonly server = signal<ServerInfo | undefined>(undefined);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly changes = signal<readonly StreamEvent[]>([]);
  readonly #streamer: Streamer;
  readonly #stopping = new AbortController();
  /** State of the previous poll, by key. */
  #previous: ReadonlyMap<string, Previous> = new Map();
  /** Start of the previous poll, ms; 0 before the first one. */
  #previousMs = 0;
  #isPolling = false;
  /** Time of the last successful poll. */
  #answeredAt = new Date();
  #nextPoll: ReturnType<typeof setTimeout> | undefined;

  constructor(streamer: Streamer) {
    this.#streamer = streamer;
    void this.#poll();
  }

  refresh(): void {
    if (this.#isPolling) return;
    clearTimeout(this.#nextPoll);
    void this.#poll();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#nextPoll);
  }

  async #poll(): Promise<void> {
    const { signal: stopped } = this.#stopping;
    const startedMs = performance.now();
    const startedAt = new Date();
    this.#isPolling = true;
    const late = setTimeout(() => {
      const since = clockText(startedAt);
      if (!stopped.aborted) this.problem.value = { what: "late", message: `since ${since}`, since };
    }, LATE_MS);
    try {
      await this.#read(stopped, startedMs);
      this.problem.value = undefined;
      this.#answeredAt = new Date();
    } catch (error) {
      if (stopped.aborted) return;
      this.problem.value = { ...problemOf(error), since: clockText(this.#answeredAt) };
    } finally {
      clearTimeout(late);
    }
    if (stopped.aborted) return;
    this.#isPolling = false;
    const tookMs = performance.now() - startedMs;
    this.#nextPoll = setTimeout(() => this.#poll(), Math.max(PERIOD_MS, tookMs * DELAY_PER_POLL));
  }

  async #read(stopped: AbortSignal, startedMs: number): Promise<void> {
    const options = { signal: stopped };
    const [found, devices, server] = await Promise.all([
      this.#streamer.streams(options),
      this.#streamer.devices(options),
      this.#streamer.server(options),
    ]);
    const listed = compare(found, this.#previous, (startedMs - this.#previousMs) / 1000);
    if (this.#previousMs > 0) this.#recordChanges(listed);
    this.streams.value = listed;
    this.devices.value = devices;
    this.server.value = server;
    this.#previous = new Map(
      listed.map((stream) => [
        stream.key,
        {
          info: stream,
          bytesPerEntry: bytesPerEntryOf(this.#previous.get(stream.key), stream),
          rates: stream.rates,
        },
      ]),
    );
    this.#previousMs = startedMs;
  }

  #recordChanges(listed: readonly ListedStream[]): void {
    const now = new Set(listed.map(({ key }) => key));
    const timeMs = Date.now();
    const created = [...now].filter((key) => !this.#previous.has(key));
    const deleted = [...this.#previous.keys()].filter((key) => !now.has(key));
    if (created.length === 0 && deleted.length === 0) return;
    this.changes.value = [
      ...this.changes.value,
      ...created.map((key) => ({ timeMs, key, what: "created" as const })),
      ...deleted.map((key) => ({ timeMs, key, what: "deleted" as const })),
    ].slice(-MAX_CHANGES);
  }
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

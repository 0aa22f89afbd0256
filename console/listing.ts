/** What there is, asked for again and again: devices, streams, and how fast each grows. */
import { type ReadonlySignal, signal } from "@preact/signals";
import {
  type DeviceInfo,
  type ServerInfo,
  type Streamer,
  StreamerError,
  type StreamInfo,
} from "../client/browser.ts";
import { errorText } from "./format.ts";

/** A stream of the list. */
export interface ListedStream extends StreamInfo {
  /** Entries added a second, since the last look; undefined where it is not known yet. */
  readonly rate: number | undefined;
}

/** What keeps the list from being current. */
export interface Problem {
  readonly what: "gateway" | "redis" | "login" | "other";
  readonly message: string;
}

/** The list as it is now. */
export interface Listing {
  readonly streams: ReadonlySignal<readonly ListedStream[] | undefined>;
  readonly devices: ReadonlySignal<readonly DeviceInfo[]>;
  readonly server: ReadonlySignal<ServerInfo | undefined>;
  readonly problem: ReadonlySignal<Problem | undefined>;
  /** Looks at once. */
  refresh(): void;
  stop(): void;
}

/** Least time between two looks, ms. */
const PERIOD_MS = 1000;
/** A look may take this share of the time, so that a large list does not keep the gateway busy. */
const PAUSE_PER_LOOK = 4;

/** Starts to look. */
export function watchListing(streamer: Streamer): Listing {
  const streams = signal<readonly ListedStream[] | undefined>(undefined);
  const devices = signal<readonly DeviceInfo[]>([]);
  const server = signal<ServerInfo | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  const controller = new AbortController();
  const { signal: stopped } = controller;
  let before = new Map<string, StreamInfo>();
  let beforeMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looking = false;

  async function look(): Promise<void> {
    const startedMs = performance.now();
    looking = true;
    try {
      const options = { signal: stopped };
      const [found, who, what] = await Promise.all([
        streamer.streams(options),
        streamer.devices(options),
        streamer.server(options),
      ]);
      const seconds = (startedMs - beforeMs) / 1000;
      streams.value = found.map((stream) => ({
        ...stream,
        rate: rateOf(before.get(stream.key), stream, seconds),
      }));
      devices.value = who;
      server.value = what;
      problem.value = undefined;
      before = new Map(found.map((stream) => [stream.key, stream]));
      beforeMs = startedMs;
    } catch (error) {
      if (stopped.aborted) return;
      problem.value = problemOf(error);
    }
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
    refresh() {
      if (looking) return;
      clearTimeout(timer);
      void look();
    },
    stop() {
      controller.abort();
      clearTimeout(timer);
    },
  };
}

function rateOf(before: StreamInfo | undefined, now: StreamInfo, seconds: number): number | undefined {
  if (before === undefined || now.added < before.added) return undefined;
  // Redis before 7 does not count what was added: only that nothing was can be known.
  if (now.added === 0) return now.lastId === before.lastId ? 0 : undefined;
  return (now.added - before.added) / seconds;
}

function problemOf(error: unknown): Problem {
  const code = error instanceof StreamerError ? error.code : "";
  const message = errorText(error);
  if (code === "REDIS_AWAY" || code === "REDIS_FULL") return { what: "redis", message };
  if (error instanceof StreamerError && error.status === 401) return { what: "login", message };
  if (code === "UNREACHABLE" || code === "CONNECTION_LOST") return { what: "gateway", message };
  return { what: "other", message };
}

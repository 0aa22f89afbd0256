/** Lists the streams that a pattern selects, with rates. */
import type { Streamer, StreamInfo } from "../../client/index.ts";
import { matchesStream } from "../../src/domain/streams/stream-match.ts";
import { matchesGlob } from "../../src/domain/streams/stream-pattern.ts";

/** Listed stream, with its rates. */
export interface ListedStream {
  readonly key: string;
  readonly entries: number;
  /** Entries per second: since the last listing, else over the kept entries; 0 if the stream is idle. */
  readonly perSecond: number;
  /** Estimated by the size of the last entry. */
  readonly bytesPerSecond: number;
  /** Time since the last entry, ms; undefined if there is none. */
  readonly ageMs: number | undefined;
  /** Time between the first and the last entry, ms. */
  readonly keptMs: number;
  /** Declared content type; undefined if none is. */
  readonly contentType: string | undefined;
}

/** Selection of streams by pattern and device. */
export interface StreamSelection {
  /** Compared with `device:stream` if it has a colon, else with the name of the stream. */
  readonly pattern?: string | undefined;
  readonly device?: string | undefined;
}

/** Whether a stream is selected. */
function isSelected({ pattern, device }: StreamSelection, stream: StreamInfo): boolean {
  if (device !== undefined && !matchesGlob(device, stream.device ?? "")) return false;
  return pattern === undefined || matchesStream(pattern, stream);
}

/** A stream that is silent for this many of its mean intervals, and for this time, is idle. */
const IDLE_INTERVALS = 5;
const IDLE_MS = 10_000;

/** Lists streams repeatedly, and computes rates between two listings. */
export class StreamLister {
  readonly #streamer: Streamer;
  readonly #selection: StreamSelection;
  readonly #signal: AbortSignal;
  #before = new Map<string, StreamInfo>();
  #beforeMs = 0;

  constructor(streamer: Streamer, selection: StreamSelection, signal: AbortSignal) {
    this.#streamer = streamer;
    this.#selection = selection;
    this.#signal = signal;
  }

  /** Lists the streams, by key. @throws StreamerError */
  async list(): Promise<readonly ListedStream[]> {
    const all = await this.#streamer.streams({ signal: this.#signal });
    const nowMs = Date.now();
    const elapsedMs = nowMs - this.#beforeMs;
    const selected = all.filter((stream) => isSelected(this.#selection, stream));
    const listed = selected.map((stream) => listedOf(stream, this.#before.get(stream.key), elapsedMs, nowMs));
    this.#before = new Map(selected.map((stream) => [stream.key, stream]));
    this.#beforeMs = nowMs;
    return listed;
  }
}

function listedOf(
  stream: StreamInfo,
  before: StreamInfo | undefined,
  elapsedMs: number,
  nowMs: number,
): ListedStream {
  const ageMs = stream.lastId === "" ? undefined : Math.max(0, nowMs - msOf(stream.lastId));
  const keptMs = stream.lastId === "" ? 0 : Math.max(0, msOf(stream.lastId) - msOf(stream.firstId));
  // Redis before 7 does not count added entries.
  const counts = before !== undefined && stream.added > 0;
  const perSecond = counts
    ? (Math.max(0, stream.added - before.added) * 1e3) / Math.max(1, elapsedMs)
    : meanRate(stream.length, keptMs, ageMs);
  const { meta } = stream;
  const declared = typeof meta === "object" && meta !== null && "contentType" in meta ? meta.contentType : "";
  return {
    key: stream.key,
    entries: stream.length,
    perSecond,
    bytesPerSecond: perSecond * stream.lastBytes,
    ageMs,
    keptMs,
    contentType: typeof declared === "string" && declared !== "" ? declared : undefined,
  };
}

function meanRate(entries: number, keptMs: number, ageMs: number | undefined): number {
  if (entries < 2 || keptMs === 0 || ageMs === undefined) return 0;
  const intervalMs = keptMs / (entries - 1);
  return ageMs > Math.max(IDLE_MS, IDLE_INTERVALS * intervalMs) ? 0 : 1e3 / intervalMs;
}

const msOf = (id: string): number => Number.parseInt(id, 10);

/**
 * Memory of the streams that a subscription follows, also while none of them has entries: their cursors, their names, and
 * their places in the hub and in the tail. Without it, a client could fill the process with idle subscriptions.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { Reservation } from "../sink.ts";

/** A stream, as far as its memory is concerned. */
export interface NamedStream {
  readonly key: string;
  readonly name: string;
}

/**
 * Bytes of one stream without its names. 50 subscriptions of the same 990 streams kept 390 to 440 bytes for each, and of 990
 * streams that no other subscription has, 950.
 */
const STREAM_BYTES = 1024;
/** Delay in ms after which a client may retry. */
const RETRY_AFTER_MS = 2000;

/** Error of a subscription whose streams do not fit into the memory of its client. */
export const noStreamMemory = (): GatewayError =>
  new GatewayError(
    "OVERLOADED",
    "the gateway has no free memory for the streams of this subscription; select fewer streams, or retry later",
    { retryAfterMs: RETRY_AFTER_MS },
  );

/** The part of a memory lease that is used here. */
export type StreamMemoryReservation = Pick<Reservation, "tryGrow" | "set" | "bytes" | "release">;

/** Options of a stream memory. */
export interface StreamMemoryOptions {
  /**
   * Whether the first stream is counted, too. It is not for a connection of its own: the number of those is limited, and
   * `MAX_SOCKETS` of them that follow one stream each must be possible.
   *
   * @default false
   */
  readonly countsFirst?: boolean;
}

/** Memory of the streams of one subscription. */
export class StreamMemory {
  readonly #reservation: StreamMemoryReservation;
  readonly #countsFirst: boolean;
  /** Key of the stream that is not counted. */
  #free: string | undefined;

  constructor(reservation: StreamMemoryReservation, { countsFirst = false }: StreamMemoryOptions = {}) {
    this.#reservation = reservation;
    this.#countsFirst = countsFirst;
  }

  /** Reserves the memory of further streams. @returns whether there was room; if not, nothing is reserved */
  add(streams: readonly NamedStream[]): boolean {
    const free = this.#countsFirst || this.#free !== undefined ? undefined : streams[0];
    let bytes = 0;
    for (const stream of streams) if (stream !== free) bytes += bytesOf(stream);
    if (bytes > 0 && !this.#reservation.tryGrow(bytes)) return false;
    this.#free ??= free?.key;
    return true;
  }

  /** Returns the memory of a stream that was added. */
  remove(stream: NamedStream): void {
    if (this.#free === stream.key) this.#free = undefined;
    else this.#reservation.set(Math.max(0, this.#reservation.bytes() - bytesOf(stream)));
  }

  /** Returns all memory. Idempotent. */
  release(): void {
    this.#reservation.release();
  }
}

/** Reserves the memory of all streams of a request. @throws GatewayError OVERLOADED */
export function reserveStreams(memory: StreamMemory, streams: readonly NamedStream[]): void {
  if (memory.add(streams)) return;
  memory.release();
  throw noStreamMemory();
}

/** The text of a name has up to two bytes per character. */
const bytesOf = ({ key, name }: NamedStream): number => STREAM_BYTES + 2 * (key.length + name.length);

/**
 * Pull loop that reconnects by itself. The stream in Redis is the buffer: the client keeps only a cursor per stream and
 * a bounded channel. If a connection closes, or delivers more than the channel holds, the client reconnects at the cursors.
 *
 * Backpressure, if the loop is slower than the stream:
 * - A platform that can pause a socket stops reading, and TCP slows the gateway down.
 * - A platform that cannot pause requests `ack=1` and acknowledges messages while the channel has room.
 * - With `latest`, each message is acknowledged when the loop requests the next entry, so that it receives the entry
 *   that is the newest at that moment.
 */
import { linkSignal } from "../connection/abort.ts";
import { type Channel, createChannel } from "../connection/channel.ts";
import type { ConnectionHealth } from "../connection/connection-health.ts";
import { keepSession, type SessionHandlers } from "../connection/session.ts";
import { badMessage, StreamerError } from "../errors.ts";
import { excluding, pathSegment } from "../gateway/address.ts";
import { type Gateway, namingQuery } from "../gateway/gateway.ts";
import { checkOptions } from "../gateway/options.ts";
import type { Socket } from "../transport/transport.ts";
import { namedPosition, type Position } from "./cursors.ts";
import { createPulledEntry, type PulledEntry } from "./entry.ts";
import { decodeBatch, decodeNotice, FORMAT } from "./msgpack.ts";
import { hasPattern, PatternPosition } from "./pattern-position.ts";
import type { PlaybackSession } from "./playback-session.ts";
import { PULL_OPTIONS, type PullOptions } from "./pull-options.ts";

/** Interval of the gateway's empty messages on an idle stream, ms. It is below the stall detector's limit. */
const IDLE_MESSAGE_MS = 1_500;
/** Room above the high-water mark for data that is in transit when reading stops. */
const SLACK_BYTES = 512 * 1024;
/** Memory overhead of a buffered entry besides its bytes in the message. */
const ENTRY_OVERHEAD_BYTES = 64;
/** Entries per message if each message waits for an acknowledgement, and so for a round trip. */
const ACKED_COUNT = 64;

/**
 * Yields the entries of streams in order, each once, and reconnects by itself. It connects when the first entry is
 * requested, and disconnects when the loop is left.
 *
 * @param streams stream names and patterns, or one text that joins them by `+`; duplicates count once
 * @throws StreamerError inside the loop, if a retry cannot succeed; the signal's reason if it was aborted
 */
export async function* pull(
  gateway: Gateway,
  streams: string | readonly string[],
  options: PullOptions,
): AsyncGenerator<PulledEntry, void, undefined> {
  checkOptions(options, PULL_OPTIONS);
  yield* pullLoop(gateway, [...new Set(typeof streams === "string" ? streams.split("+") : streams)], options);
}

/** Playback of a pull. */
export interface PulledPlayback {
  readonly session: PlaybackSession;
  /** Returns further query parameters. */
  query(): Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Yields the entries of streams. @param playback if present, history is played back @throws StreamerError */
export async function* pullLoop(
  gateway: Gateway,
  names: readonly string[],
  options: PullOptions,
  playback?: PulledPlayback,
): AsyncGenerator<PulledEntry, void, undefined> {
  const reader = new PullReader(gateway, names, options, playback);
  const controller = linkSignal(options.signal);
  const { signal } = controller;
  const connection = keepSession(gateway, reader, signal, options.onStatus).catch((error: unknown) =>
    reader.end(error),
  );
  try {
    for (;;) {
      const received = await reader.take();
      if (received === undefined) return;
      for (const entry of received.entries) {
        signal.throwIfAborted();
        if (received.epoch === playback?.session.epoch) yield entry;
      }
    }
  } finally {
    controller.abort();
    controller.unlink();
    await connection;
  }
}

/** Entries of one message. */
interface Received {
  readonly entries: readonly PulledEntry[];
  /** The epoch of a playback in which they arrived. */
  readonly epoch: number | undefined;
}

/** Receives the messages of one pull, over as many connections as it takes. */
class PullReader implements SessionHandlers {
  readonly #gateway: Gateway;
  readonly #options: PullOptions;
  readonly #position: Position;
  readonly #wantsJoins: boolean;
  /** The same position, if the pull has a pattern. */
  readonly #pattern: PatternPosition | undefined;
  readonly #channel: Channel<Received>;
  readonly #playback: PulledPlayback | undefined;
  /** Streams whose next entry follows a gap. */
  readonly #gaps = new Set<string>();
  readonly #isLatest: boolean;
  readonly #usesAcks: boolean;
  #socket: Socket | undefined;
  /** Whether the gateway waits for an acknowledgement. */
  #owesAck = false;

  constructor(
    gateway: Gateway,
    names: readonly string[],
    options: PullOptions,
    playback: PulledPlayback | undefined,
  ) {
    const { latest = false, highWaterBytes = 2 ** 20, from = "$" } = options;
    this.#gateway = gateway;
    this.#options = options;
    this.#playback = playback;
    const isPattern = options.pattern !== false && hasPattern(names, options.device);
    if (isPattern && playback === undefined) this.#pattern = new PatternPosition(names, from, options);
    this.#wantsJoins = isPattern;
    this.#position = playback?.session ?? this.#pattern ?? namedPosition(gateway, names, from, options);
    this.#isLatest = latest;
    this.#usesAcks = latest || !gateway.transport.canPause;
    this.#channel = createChannel({
      highBytes: highWaterBytes,
      capBytes: 2 * highWaterBytes + SLACK_BYTES,
      onFull: () => this.#socket?.pause(),
      onDrained: () => {
        this.#socket?.resume();
        if (!latest) this.#acknowledge();
      },
    });
  }

  /** Returns the entries of the next message; undefined at the end. @throws the error passed to `end` */
  take(): Promise<Received | undefined> {
    if (this.#channel.size === 0) this.#acknowledge();
    return this.#channel.take();
  }

  end(error: unknown): void {
    this.#channel.end(error);
  }

  async url(signal: AbortSignal): Promise<string> {
    await this.#position.resolve(signal);
    const { count, maxFps, exclude } = this.#options;
    const url = this.#gateway.address.socket(`data/${pathSegment(this.#position.streams)}/pull`, {
      format: FORMAT,
      gaps: !this.#isLatest || undefined,
      status: true,
      // Empty messages distinguish an idle stream from a gateway that hangs.
      block: IDLE_MESSAGE_MS,
      last_entry_id: this.#position.text,
      pattern: this.#options.pattern === false ? false : undefined,
      joins: this.#wantsJoins || undefined,
      latest: this.#isLatest || undefined,
      count: count ?? (this.#usesAcks && !this.#isLatest ? ACKED_COUNT : undefined),
      max_fps: maxFps || undefined,
      ack: this.#usesAcks || undefined,
      ...namingQuery(this.#options),
      ...this.#playback?.query(),
    });
    return excluding(url, exclude);
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.#owesAck = false;
    this.#gaps.clear();
    if (this.#channel.full) socket.pause();
    this.#playback?.session.opened(socket);
  }

  closed(): void {
    this.#socket = undefined;
    this.#playback?.session.closed();
  }

  /** Whether a message from the gateway is due. During backpressure none is. */
  isDue(): boolean {
    const { maxFps = 0 } = this.#options;
    // Below one message per second the gateway sends no empty messages in between.
    const isSlow = maxFps > 0 && maxFps < 1;
    return !isSlow && !this.#channel.full && !this.#owesAck;
  }

  received(message: Uint8Array | string, health: ConnectionHealth): boolean {
    if (typeof message === "string") throw badMessage("a text message instead of MessagePack");
    const notice = decodeNotice(message);
    if (notice === undefined) this.#receiveEntries(message);
    else if ("gapIn" in notice) this.#gaps.add(notice.gapIn);
    else if ("unavailableSince" in notice) health.redisChanged(notice);
    else if ("playback" in notice) this.#playback?.session.take(notice.playback);
    else if (this.#playback !== undefined) this.#playback.session.takeStreams(notice);
    else this.#pattern?.take(notice);
    return true;
  }

  #receiveEntries(message: Uint8Array): void {
    const session = this.#playback?.session;
    const batch = session?.isSeeking ? [] : decodeBatch(message);
    const entries = batch.map((entry) => createPulledEntry(entry, this.#gaps.delete(entry.stream)));
    this.#owesAck = this.#usesAcks;
    if (entries.length === 0) {
      // An empty message is never taken from the channel, so it is acknowledged here.
      if (this.#channel.size === 0) this.#acknowledge();
      return;
    }
    const unexpected = entries.find(({ stream }) => !this.#position.has(stream));
    if (unexpected !== undefined)
      throw badMessage(`an entry of "${unexpected.stream}", which was not requested`);
    const bytes = message.length + entries.length * ENTRY_OVERHEAD_BYTES;
    if (!this.#channel.offer({ entries, epoch: session?.epoch }, bytes)) throw channelOverflow();
    for (const { stream, id } of entries) this.#position.advance(stream, id);
    if (!this.#isLatest && !this.#channel.full) this.#acknowledge();
  }

  #acknowledge(): void {
    if (!this.#owesAck) return;
    this.#owesAck = false;
    this.#socket?.send("");
  }
}

/**
 * Error of a full channel. It occurs only on platforms whose sockets cannot stop reading at once. The entries are read again
 * from the cursors.
 */
const channelOverflow = (): StreamerError =>
  new StreamerError("CONNECTION_LOST", "received more than the reader can buffer; reading it again", {
    retryable: true,
  });

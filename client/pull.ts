/**
 * Pulling as a loop that spans reconnects. The stream in Redis is the buffer: the client keeps a cursor per stream and
 * a bounded channel, and a connection that is lost, or that brought more than fits, is opened again at the cursors.
 *
 * What holds the gateway back where the loop is slow:
 * - usually the socket is no longer read, and TCP does the rest;
 * - a platform that cannot stop reading asks for `ack=1` and acknowledges while there is room;
 * - with `latest` each payload is acknowledged when the loop asks for the next one, so that it gets the newest then,
 *   not what was the newest when it began with the last.
 */
import type { EntryId } from "../src/domain/entry-id.ts";
import { followSignal } from "./abort.ts";
import { streamsSegment } from "./address.ts";
import { createChannel } from "./channel.ts";
import { decodeBatch, decodeNotice, FORMAT } from "./codec.ts";
import { cursorsText, resolveNow, startCursors } from "./cursors.ts";
import { createPulledEntry, type PulledEntry } from "./entry.ts";
import { badMessage, StreamerError } from "./errors.ts";
import { type CommonOptions, type Gateway, namingQuery } from "./gateway.ts";
import { checkOptions, type OptionNames } from "./options.ts";
import { keepConnected } from "./reconnect.ts";
import { runSession } from "./session.ts";
import { type SilenceWatch, watchSilence } from "./stall-detector.ts";
import type { Socket } from "./transport/transport.ts";

/** What to pull, and how. */
export interface PullOptions extends CommonOptions {
  /**
   * Where to start, exclusive: an entry id, milliseconds, `0` from the beginning, `$` from now; for several streams
   * one for all, one each joined by `+`, or by stream id. @default "$"
   */
  readonly from?: string | Readonly<Record<string, string>> | undefined;
  /** Only the newest entry when the loop is ready for one; older ones are skipped. @default false */
  readonly latest?: boolean | undefined;
  /** Most entries per stream in one message; with `latest` how many of the newest. */
  readonly count?: number | undefined;
  /** At most so many messages a second; 0 sets no limit. @default 0 */
  readonly maxFps?: number | undefined;
  /** Bytes that wait for the loop before the gateway is held back. @default 1_048_576 // 1 MiB */
  readonly highWaterBytes?: number | undefined;
}

/** How often the gateway sends an empty message on a quiet stream, ms: below what counts as silence. */
const QUIET_MS = 1_500;
const PULL_OPTIONS: OptionNames<PullOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ from: true, latest: true, count: true, maxFps: true, highWaterBytes: true },
};

/** Room beyond the high mark for what is on its way when reading stops: a chunk of a socket, many small messages. */
const SLACK_BYTES = 512 * 1024;
/** What an entry in the channel costs beside its message, bytes. */
const ENTRY_COST_BYTES = 64;
/** Entries in a message where each message waits for an acknowledgement, and so for a round trip. */
const ACKED_COUNT = 64;

/**
 * Pulls streams: yields their entries in order, each once, and connects again by itself. The connection is made when
 * the first entry is asked for, and closed when the loop is left.
 *
 * @param streams stream ids, or one text that joins them by `+`; a stream named twice counts once
 * @throws StreamerError at the loop, where trying again cannot help; the signal's reason where it was aborted
 */
export async function* pull(
  gateway: Gateway,
  streams: string | readonly string[],
  options: PullOptions,
): AsyncGenerator<PulledEntry, void, undefined> {
  checkOptions(options, PULL_OPTIONS);
  const names = [...new Set(typeof streams === "string" ? streams.split("+") : streams)];
  const { latest = false, highWaterBytes = 2 ** 20 } = options;
  const { transport } = gateway;
  const cursors = startCursors(names, options.from ?? "$");
  /** At less than one message a second the gateway sends nothing in between. */
  const isPaced = options.maxFps !== undefined && options.maxFps > 0 && options.maxFps < 1;
  const acked = latest || !transport.canPause;

  let socket: Socket | undefined;
  let ackOwed = false;
  const ack = () => {
    if (!ackOwed) return;
    ackOwed = false;
    socket?.send("");
  };
  /** Streams whose next entry stands behind a gap. */
  const gaps = new Set<string>();
  const channel = createChannel<readonly PulledEntry[]>({
    highBytes: highWaterBytes,
    capBytes: 2 * highWaterBytes + SLACK_BYTES,
    onFull: () => socket?.pause(),
    onDrained() {
      socket?.resume();
      if (!latest) ack();
    },
  });

  let unavailableSince: Date | undefined;
  const report = (since: Date | undefined) =>
    options.onStatus?.(since === undefined ? { state: "open" } : { state: "redis-unavailable", since });
  let silence: SilenceWatch | undefined;

  const receive = (message: Uint8Array | string) => {
    if (typeof message === "string") throw badMessage("text where MessagePack was asked for");
    const notice = decodeNotice(message);
    if (notice !== undefined) {
      if ("gapIn" in notice) gaps.add(notice.gapIn);
      else {
        ({ unavailableSince } = notice);
        report(unavailableSince);
      }
      return;
    }
    const entries = decodeBatch(message).map((entry) => createPulledEntry(entry, gaps.delete(entry.stream)));
    ackOwed = acked;
    // An empty message says that it is quiet; nobody takes it from the channel, so it is acknowledged here.
    if (entries.length === 0) {
      if (channel.size === 0) ack();
      return;
    }
    const stranger = entries.find(({ stream }) => !cursors.has(stream));
    if (stranger !== undefined) throw badMessage(`an entry of "${stranger.stream}", which was not asked for`);
    if (!channel.offer(entries, message.length + entries.length * ENTRY_COST_BYTES)) throw tooSlow();
    for (const { stream, id } of entries) cursors.set(stream, id as EntryId);
    if (!latest && !channel.full) ack();
  };

  const attempt = async (signal: AbortSignal, proven: () => void): Promise<void> => {
    await resolveNow(gateway, cursors, options, signal);
    const url = gateway.address.socket(`data/${streamsSegment(names)}/pull`, {
      format: FORMAT,
      gaps: !latest || undefined,
      status: true,
      // An empty message this often tells a quiet stream from a gateway that hangs.
      block: QUIET_MS,
      last_entry_id: cursorsText(cursors),
      latest: latest || undefined,
      count: options.count ?? (acked && !latest ? ACKED_COUNT : undefined),
      max_fps: options.maxFps || undefined,
      ack: acked || undefined,
      ...namingQuery(options),
    });
    const onOpen = (opened: Socket) => {
      socket = opened;
      ackOwed = false;
      gaps.clear();
      if (channel.full) socket.pause();
      unavailableSince = undefined;
      options.onStatus?.({ state: "open" });
      silence = watchSilence(
        // Where this side holds the gateway back, the gateway owes nothing.
        () => !isPaced && !channel.full && !ackOwed && unavailableSince === undefined,
        (since) => options.onStatus?.({ state: "silent", since }),
        () => report(unavailableSince),
      );
    };
    const onMessage = (message: Uint8Array | string) => {
      silence?.heard();
      receive(message);
      proven();
    };
    try {
      await runSession(transport, url, { onOpen, onMessage }, signal, gateway.token);
    } finally {
      silence?.stop();
      socket = undefined;
    }
  };

  const controller = followSignal(options.signal);
  const { signal } = controller;
  const connection = keepConnected((proven) => attempt(signal, proven), {
    signal,
    backoff: gateway.backoff,
    onStatus: (status) => options.onStatus?.(status),
  }).catch((error: unknown) => channel.end(error));
  try {
    for (;;) {
      if (channel.size === 0) ack();
      const entries = await channel.take();
      if (entries === undefined) return;
      for (const entry of entries) {
        signal.throwIfAborted();
        yield entry;
      }
    }
  } finally {
    controller.abort();
    controller.letGo();
    await connection;
  }
}

/** Cannot happen where reading stops at once; where it does, what did not fit is read again from the cursors. */
const tooSlow = (): StreamerError =>
  new StreamerError("CONNECTION_LOST", "more came than the reader had room for; reading it again", {
    retryable: true,
  });

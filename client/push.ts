/**
 * Pushing over a connection that comes back by itself. What is sent in one turn of the event loop goes out as one
 * message; so many bytes may wait for their acknowledgement, and the rest waits here until there is room.
 *
 * ```
 * send ─▶ waiting ──room──▶ flying ──acknowledged──▶ its promise resolves
 *            │                 └──connection ends──▶ its promise rejects: APPEND_UNKNOWN
 *            └── stays, and goes out over the next connection
 * ```
 */

import { createFifo } from "../src/domain/fifo.ts";
import type { GivenValue } from "../src/wire/msgpack.ts";
import { bytesOfText } from "../src/wire/utf8.ts";
import { followSignal } from "./abort.ts";
import { type Acknowledged, readAck, readPushStatus } from "./ack.ts";
import { streamsSegment } from "./address.ts";
import { encodeBatch, FORMAT, type OutgoingEntry } from "./codec.ts";
import { appendUnknown, badMessage, StreamerError } from "./errors.ts";
import { type CommonOptions, type Gateway, namingQuery } from "./gateway.ts";
import { checkOptions, type OptionNames } from "./options.ts";
import { keepConnected } from "./reconnect.ts";
import { runSession } from "./session.ts";
import { type SilenceWatch, watchSilence } from "./stall-detector.ts";
import type { Socket } from "./transport/transport.ts";

/** How to push. */
export interface PushOptions extends CommonOptions {
  /** Whether the gateway acknowledges each entry with its id once it is stored. @default true */
  readonly ack?: boolean | undefined;
  /** Bytes that may be sent and not yet acknowledged. @default 1_048_576 // 1 MiB */
  readonly maxInFlightBytes?: number | undefined;
}

/** What an entry may bring beside its payload. */
export interface SendOptions {
  /** The entry's own id, `<ms>-<sequence>` or `<ms>-*`. @default assigned by Redis */
  readonly id?: string | undefined;
  /** Fields besides the payload. Text is stored as UTF-8, a list repeats the field. */
  readonly fields?: Readonly<Record<string, GivenValue>> | undefined;
}

/** One entry of several. */
export interface BatchEntry extends SendOptions {
  readonly data: Uint8Array | string;
}

/** A way into one stream. */
export interface Push {
  /** Bytes sent or waiting, not yet settled, with a little for each entry. */
  readonly heldBytes: number;
  /**
   * Sends one entry. To await each makes a round trip of each; to have many on the way await `ready` in between.
   * The payload must not be changed before the promise has settled.
   *
   * @param data the payload; text is sent as UTF-8
   * @returns the entry's id once it is stored; without `ack` undefined, once the platform has written it
   * @throws StreamerError APPEND_UNKNOWN where the connection ended before the answer; it is never sent again unasked.
   * Otherwise what the gateway refused it for, or the signal's reason where it was not sent.
   */
  send(data: Uint8Array | string, options?: SendOptions): Promise<string | undefined>;
  /**
   * Sends entries, in order, as few messages as fit.
   *
   * @param entries payloads, or payloads with what they bring
   * @returns their ids, as of `send`; rejects with the first entry's error that has one, once all have settled
   */
  sendAll(entries: Iterable<Uint8Array | string | BatchEntry>): Promise<readonly (string | undefined)[]>;
  /** Resolves when fewer bytes are held than may be in flight. @throws StreamerError where nothing can be sent any more */
  ready(): Promise<void>;
  /** Resolves when everything sent so far has settled. What failed is told by its own `send`. */
  flush(): Promise<void>;
  /** Sends what still waits, however long that takes, then closes the connection; `signal` ends it at once. */
  close(): Promise<void>;
}

const PUSH_OPTIONS: OptionNames<PushOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ ack: true, maxInFlightBytes: true },
};

/** What an entry in flight costs beside its bytes, here and in the gateway. */
const ENTRY_COST_BYTES = 100;
/** Bounds of one message: well inside what a gateway takes, large enough that a message costs little per entry. */
const BATCH_BYTES = 256 * 1024;
const BATCH_ENTRIES = 500;

interface Sending {
  readonly entry: OutgoingEntry;
  readonly bytes: number;
  settle(outcome: Acknowledged): void;
}

/** Opens a way into a stream. The connection is made at once. */
export function createPush(gateway: Gateway, stream: string, options: PushOptions): Push {
  checkOptions(options, PUSH_OPTIONS);
  const { ack = true, maxInFlightBytes = 2 ** 20 } = options;
  const segment = streamsSegment([stream]);
  const controller = followSignal(options.signal);
  const waiting = createFifo<Sending>();
  const flying = createFifo<readonly Sending[]>();
  let flyingBytes = 0;
  let heldBytes = 0;
  let socket: Socket | undefined;
  let pumping = false;
  /** Why nothing can be sent any more. */
  let over: { readonly error: unknown } | undefined;
  let watchers: (() => void)[] = [];

  const settle = (sending: Sending, outcome: Acknowledged) => {
    heldBytes -= sending.bytes;
    sending.settle(outcome);
  };
  const land = (batch: readonly Sending[], outcomes: readonly Acknowledged[]) => {
    for (const [index, sending] of batch.entries()) {
      flyingBytes -= sending.bytes;
      settle(sending, outcomes[index] ?? { id: undefined });
    }
    pump();
  };
  const wake = () => {
    const woken = watchers;
    watchers = [];
    for (const one of woken) one();
  };
  /** Resolves when the condition holds; it is looked at after everything that can change it. */
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => watchers.push(resolve));
  };

  const cutBatch = (): readonly Sending[] => {
    const batch: Sending[] = [];
    let bytes = 0;
    while (batch.length < BATCH_ENTRIES && bytes < BATCH_BYTES && flyingBytes < maxInFlightBytes) {
      const next = waiting.take();
      if (next === undefined) break;
      batch.push(next);
      bytes += next.bytes;
      flyingBytes += next.bytes;
    }
    return batch;
  };
  function pump(): void {
    while (socket !== undefined && waiting.size > 0 && flyingBytes < maxInFlightBytes) {
      const batch = cutBatch();
      flying.add(batch);
      const message = encodeBatch(batch.map(({ entry }) => entry));
      if (ack) socket.send(message);
      else socket.send(message, () => land(flying.take() ?? [], []));
    }
    wake();
  }
  const pumpSoon = () => {
    if (pumping) return;
    pumping = true;
    gateway.transport.atTurnEnd(() => {
      pumping = false;
      pump();
    });
  };

  const failFlying = (error: unknown) => {
    for (const batch of flying.takeAll()) for (const sending of batch) settle(sending, { error });
    flyingBytes = 0;
    wake();
  };
  const giveUp = (error: unknown) => {
    over ??= { error };
    for (const sending of waiting.takeAll()) settle(sending, { error });
    wake();
  };

  const attempt = async (proven: () => void): Promise<void> => {
    const url = gateway.address.socket(`data/${segment}/push`, {
      format: FORMAT,
      ack,
      status: true,
      ...namingQuery(options),
    });
    let unavailableSince: Date | undefined;
    let silence: SilenceWatch | undefined;
    const report = () =>
      options.onStatus?.(
        unavailableSince === undefined
          ? { state: "open" }
          : { state: "redis-unavailable", since: unavailableSince },
      );
    const onOpen = (opened: Socket) => {
      socket = opened;
      report();
      silence = watchSilence(
        () => ack && flying.size > 0 && unavailableSince === undefined,
        (since) => options.onStatus?.({ state: "silent", since }),
        report,
      );
      pump();
    };
    const onMessage = (message: Uint8Array | string) => {
      silence?.heard();
      const notice = readPushStatus(message);
      if (notice !== undefined) {
        ({ unavailableSince } = notice);
        report();
        return;
      }
      const outcomes = readAck(message);
      if (flying.oldest?.length !== outcomes.length) throw badMessage("an acknowledgement of another length");
      land(flying.take() ?? [], outcomes);
      proven();
    };
    try {
      await runSession(gateway.transport, url, { onOpen, onMessage }, controller.signal, gateway.token);
    } catch (error) {
      failFlying(flightError(error, flying.size));
      throw error;
    } finally {
      silence?.stop();
      socket = undefined;
    }
  };

  const connection = keepConnected(attempt, {
    signal: controller.signal,
    backoff: gateway.backoff,
    onStatus: (status) => options.onStatus?.(status),
  })
    .catch(giveUp)
    .finally(controller.letGo);

  const flush = () => until(() => waiting.size === 0 && flying.size === 0);
  const send: Push["send"] = (data, { id, fields } = {}) => {
    if (over !== undefined) return Promise.reject(over.error);
    const payload = typeof data === "string" ? bytesOfText(data) : data;
    const bytes = payload.length + ENTRY_COST_BYTES;
    return new Promise((resolve, reject) => {
      waiting.add({
        entry: { stream, id, data: payload, fields },
        bytes,
        settle: (outcome) => ("error" in outcome ? reject(outcome.error) : resolve(outcome.id)),
      });
      heldBytes += bytes;
      pumpSoon();
    });
  };
  return {
    get heldBytes() {
      return heldBytes;
    },
    send,
    async sendAll(entries) {
      const sent = [...entries].map((one) =>
        typeof one === "string" || one instanceof Uint8Array ? send(one) : send(one.data, one),
      );
      await Promise.allSettled(sent);
      return Promise.all(sent);
    },
    async ready() {
      await until(() => over !== undefined || heldBytes < maxInFlightBytes);
      if (over !== undefined) throw over.error;
    },
    flush,
    async close() {
      await flush();
      over ??= { error: new StreamerError("CLOSED", "this push is closed", { retryable: false }) };
      controller.abort(over.error);
      await connection;
    },
  };
}

/**
 * What becomes of the batches on the way when a connection ends. A refusal (wire.md: "nothing of the batch is stored")
 * is about one batch; where several were on the way, nobody can tell which, nor what became of the others.
 */
function flightError(error: unknown, batches: number): StreamerError {
  const isRefusal = error instanceof StreamerError && error.closeCode !== undefined && !error.retryable;
  return isRefusal && batches === 1 ? error : appendUnknown(error);
}

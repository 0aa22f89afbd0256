/**
 * Push connection that reconnects by itself. Entries sent in one event-loop turn leave as one message. The number of
 * unacknowledged bytes is bounded; further entries wait in the client.
 *
 * ```
 * send ─▶ waiting ──room──▶ in flight ──acknowledged───────▶ promise resolves
 *            │                   └──────connection closes──▶ promise rejects: APPEND_UNKNOWN
 *            ├── stays, and leaves over the next connection
 *            └◀────────────── with `dedupe`, what was in flight precedes it
 * ```
 */

import { createFifo } from "../../src/domain/fifo.ts";
import { bytesOfText } from "../../src/wire/utf8.ts";
import { type LinkedController, linkSignal } from "../connection/abort.ts";
import type { ConnectionHealth } from "../connection/connection-health.ts";
import { keepSession, type SessionHandlers } from "../connection/session.ts";
import { appendUnknown, badMessage, finalError, StreamerError } from "../errors.ts";
import { streamsSegment } from "../gateway/address.ts";
import { type Gateway, namingQuery } from "../gateway/gateway.ts";
import { checkOptions, type OptionNames } from "../gateway/options.ts";
import { encodeBatch, FORMAT, type OutgoingEntry } from "../reading/msgpack.ts";
import { hasPattern } from "../reading/pattern-position.ts";
import type { Socket } from "../transport/transport.ts";
import { type Acknowledged, readAck, readPushStatus } from "./ack.ts";
import type { BatchEntry, Push, PushOptions, SendOptions } from "./push-options.ts";

const PUSH_OPTIONS: OptionNames<PushOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ ack: true, maxInFlightBytes: true, dedupe: true, dedupeFrom: true },
};

/** Memory overhead of an entry in flight besides its bytes, in the client and the gateway. */
const ENTRY_OVERHEAD_BYTES = 100;
/** Limits of one message: well below the gateway's limits, and large enough to make the cost per message negligible. */
const BATCH_BYTES = 256 * 1024;
const BATCH_ENTRIES = 500;

/** An entry and the callback that settles its promise. */
interface PendingEntry {
  readonly entry: OutgoingEntry;
  readonly bytes: number;
  settle(outcome: Acknowledged): void;
}

/** Opens a push to a stream. It connects at once. */
export function createPush(gateway: Gateway, stream: string, options: PushOptions): Push {
  checkOptions(options, PUSH_OPTIONS);
  return new PushConnection(gateway, stream, options);
}

class PushConnection implements Push, SessionHandlers {
  readonly #gateway: Gateway;
  readonly #stream: string;
  readonly #segment: string;
  readonly #options: PushOptions;
  readonly #usesAcks: boolean;
  readonly #maxInFlightBytes: number;
  readonly #controller: LinkedController;
  readonly #connection: Promise<void>;
  readonly #waiting = createFifo<PendingEntry>();
  readonly #inFlight = createFifo<readonly PendingEntry[]>();
  /** Entries that were in flight when the connection closed, and are sent again before those that wait. */
  readonly #returned = createFifo<PendingEntry>();
  /** Number of the oldest entry that is not settled, with `dedupe`. */
  #nextNumber: number;
  #inFlightBytes = 0;
  heldBytes = 0;
  #socket: Socket | undefined;
  #isTransmitScheduled = false;
  /** The error of further sends, once the push has ended. */
  #ended: { readonly error: unknown } | undefined;
  /** Resolvers of `#until`. */
  #watchers: (() => void)[] = [];

  constructor(gateway: Gateway, stream: string, options: PushOptions) {
    const { ack = true, maxInFlightBytes = 2 ** 20 } = options;
    this.#gateway = gateway;
    this.#stream = stream;
    this.#segment = streamsSegment([stream]);
    if (options.dedupe !== undefined && !ack) throw finalError("BAD_PARAMETER", "dedupe requires ack");
    this.#options = options;
    this.#nextNumber = options.dedupeFrom ?? 0;
    this.#usesAcks = ack;
    this.#maxInFlightBytes = maxInFlightBytes;
    this.#controller = linkSignal(options.signal);
    this.#connection = keepSession(gateway, this, this.#controller.signal, options.onStatus)
      .catch((error: unknown) => this.#fail(error))
      .finally(this.#controller.unlink);
  }

  send(data: Uint8Array | string, { id, fields }: SendOptions = {}): Promise<string | undefined> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended.error);
    const payload = typeof data === "string" ? bytesOfText(data) : data;
    const bytes = payload.length + ENTRY_OVERHEAD_BYTES;
    return new Promise((resolve, reject) => {
      this.#waiting.add({
        entry: { stream: this.#stream, id, data: payload, fields },
        bytes,
        settle: (outcome) => ("error" in outcome ? reject(outcome.error) : resolve(outcome.id)),
      });
      this.heldBytes += bytes;
      this.#transmitAtTurnEnd();
    });
  }

  async sendAll(
    entries: Iterable<Uint8Array | string | BatchEntry>,
  ): Promise<readonly (string | undefined)[]> {
    const sent = [...entries].map((one) =>
      typeof one === "string" || one instanceof Uint8Array ? this.send(one) : this.send(one.data, one),
    );
    await Promise.allSettled(sent);
    return Promise.all(sent);
  }

  async ready(): Promise<void> {
    await this.#until(() => this.#ended !== undefined || this.heldBytes < this.#maxInFlightBytes);
    if (this.#ended !== undefined) throw this.#ended.error;
  }

  flush(): Promise<void> {
    return this.#until(() => this.#waitingEntries === 0 && this.#inFlight.size === 0);
  }

  async close(): Promise<void> {
    await this.flush();
    this.#ended ??= { error: finalError("CLOSED", "the push is closed") };
    this.#controller.abort(this.#ended.error);
    await this.#connection;
  }

  url(): string {
    const { device, dedupe } = this.#options;
    return this.#gateway.address.socket(`data/${this.#segment}/push`, {
      format: FORMAT,
      ack: this.#usesAcks,
      status: true,
      // A push names one stream, whatever it is called.
      pattern: hasPattern([this.#stream], device) ? false : undefined,
      ...(dedupe !== undefined && { dedupe, dedupe_from: this.#nextNumber }),
      ...namingQuery(this.#options),
    });
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.#transmit();
  }

  closed(error: unknown): void {
    this.#socket = undefined;
    if (this.#repeats(error)) this.#returnInFlight();
    else this.#failInFlight(inFlightError(error, this.#inFlight.size));
  }

  /** @returns whether the message is an acknowledgement, which proves that the connection works */
  received(message: Uint8Array | string, health: ConnectionHealth): boolean {
    const notice = readPushStatus(message);
    if (notice !== undefined) {
      health.redisChanged(notice);
      return false;
    }
    const outcomes = readAck(message);
    if (this.#inFlight.oldest?.length !== outcomes.length)
      throw badMessage("an acknowledgement of the wrong length");
    this.#settleBatch(this.#inFlight.take() ?? [], outcomes);
    return true;
  }

  isDue(): boolean {
    return this.#usesAcks && this.#inFlight.size > 0;
  }

  #transmitAtTurnEnd(): void {
    if (this.#isTransmitScheduled) return;
    this.#isTransmitScheduled = true;
    this.#gateway.transport.atTurnEnd(() => {
      this.#isTransmitScheduled = false;
      this.#transmit();
    });
  }

  /** Sends waiting entries while there is room in flight. */
  #transmit(): void {
    while (
      this.#socket !== undefined &&
      this.#waitingEntries > 0 &&
      this.#inFlightBytes < this.#maxInFlightBytes
    ) {
      const batch = this.#takeBatch();
      this.#inFlight.add(batch);
      const message = encodeBatch(batch.map(({ entry }) => entry));
      if (this.#usesAcks) this.#socket.send(message);
      else this.#socket.send(message, () => this.#settleBatch(this.#inFlight.take() ?? [], []));
    }
    this.#wake();
  }

  #takeBatch(): readonly PendingEntry[] {
    const batch: PendingEntry[] = [];
    let bytes = 0;
    while (
      batch.length < BATCH_ENTRIES &&
      bytes < BATCH_BYTES &&
      this.#inFlightBytes < this.#maxInFlightBytes
    ) {
      const next = this.#takeNext();
      if (next === undefined) break;
      batch.push(next);
      bytes += next.bytes;
      this.#inFlightBytes += next.bytes;
    }
    return batch;
  }

  get #waitingEntries(): number {
    return this.#returned.size + this.#waiting.size;
  }

  #takeNext(): PendingEntry | undefined {
    return this.#returned.take() ?? this.#waiting.take();
  }

  /** Whether entries in flight are sent again over the next connection. */
  #repeats(error: unknown): boolean {
    const isFinal = error instanceof StreamerError && !error.retryable;
    return this.#options.dedupe !== undefined && !isFinal && !this.#controller.signal.aborted;
  }

  #returnInFlight(): void {
    const later = this.#returned.takeAll();
    for (const pending of this.#inFlight.takeAll().flat()) this.#returned.add(pending);
    for (const pending of later) this.#returned.add(pending);
    this.#inFlightBytes = 0;
  }

  #settleBatch(batch: readonly PendingEntry[], outcomes: readonly Acknowledged[]): void {
    this.#nextNumber += batch.length;
    for (const [index, pending] of batch.entries()) {
      this.#inFlightBytes -= pending.bytes;
      this.#settle(pending, outcomes[index] ?? { id: undefined });
    }
    this.#transmit();
  }

  #settle(pending: PendingEntry, outcome: Acknowledged): void {
    this.heldBytes -= pending.bytes;
    pending.settle(outcome);
  }

  #failInFlight(error: unknown): void {
    for (const batch of this.#inFlight.takeAll())
      for (const pending of batch) this.#settle(pending, { error });
    this.#inFlightBytes = 0;
    this.#wake();
  }

  /** Ends the push after an error that a retry cannot fix. */
  #fail(error: unknown): void {
    this.#ended ??= { error };
    // They may be stored.
    for (const pending of this.#returned.takeAll()) this.#settle(pending, { error: appendUnknown(error) });
    for (const pending of this.#waiting.takeAll()) this.#settle(pending, { error });
    this.#wake();
  }

  /** Resolves when the condition holds. It is checked after each `#wake`. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  #wake(): void {
    const woken = this.#watchers;
    this.#watchers = [];
    for (const resolve of woken) resolve();
  }
}

/**
 * Returns the error of the batches in flight when a connection closes. If the gateway rejected a batch, nothing of that
 * batch is stored (docs/protocol.md). With several batches in flight, the client cannot tell which one was rejected.
 */
function inFlightError(error: unknown, batches: number): StreamerError {
  const isRejection = error instanceof StreamerError && error.closeCode !== undefined && !error.retryable;
  return isRejection && batches === 1 ? error : appendUnknown(error);
}

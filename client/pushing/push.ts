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

import { bytesOfText } from "../../src/wire/utf8.ts";
import { type LinkedController, linkSignal } from "../connection/abort.ts";
import type { ConnectionHealth } from "../connection/connection-health.ts";
import { keepSession, type SessionHandlers } from "../connection/session.ts";
import { appendUnknown, badMessage, finalError, StreamerError } from "../errors.ts";
import { pathSegment } from "../gateway/address.ts";
import { type Gateway, namingQuery } from "../gateway/gateway.ts";
import { checkOptions, type OptionNames } from "../gateway/options.ts";
import { encodeBatch, FORMAT } from "../reading/msgpack.ts";
import { hasPattern } from "../reading/pattern-position.ts";
import type { Socket } from "../transport/transport.ts";
import { type Acknowledged, readAck, readPushStatus } from "./ack.ts";
import type { BatchEntry, Push, PushOptions, SendOptions } from "./push-options.ts";
import { type PendingEntry, PushQueue } from "./push-queue.ts";

const PUSH_OPTIONS: OptionNames<PushOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ ack: true, maxInFlightBytes: true, dedupe: true, dedupeFrom: true },
};

/** Memory overhead of an entry in flight besides its bytes, in the client and the gateway. */
const ENTRY_OVERHEAD_BYTES = 100;

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
  readonly #queue: PushQueue;
  /** Number of the oldest entry that is not settled, with `dedupe`. */
  #nextNumber: number;
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
    this.#segment = pathSegment([stream]);
    if (options.dedupe !== undefined && !ack) throw finalError("BAD_PARAMETER", "dedupe requires ack");
    this.#options = options;
    this.#nextNumber = options.dedupeFrom ?? 0;
    this.#usesAcks = ack;
    this.#maxInFlightBytes = maxInFlightBytes;
    this.#queue = new PushQueue(maxInFlightBytes);
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
      this.#queue.add({
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
    return this.#until(() => this.#queue.isEmpty);
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
    if (this.#repeats(error)) this.#queue.returnInFlight();
    else this.#failInFlight(inFlightError(error, this.#queue.batches));
  }

  /** @returns whether the message is an acknowledgement, which proves that the connection works */
  received(message: Uint8Array | string, health: ConnectionHealth): boolean {
    const notice = readPushStatus(message);
    if (notice !== undefined) {
      health.redisChanged(notice);
      return false;
    }
    const outcomes = readAck(message);
    if (this.#queue.oldestLength !== outcomes.length)
      throw badMessage("an acknowledgement of the wrong length");
    this.#settleOldest(outcomes);
    return true;
  }

  isDue(): boolean {
    return this.#usesAcks && this.#queue.batches > 0;
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
    while (this.#socket !== undefined && this.#queue.hasNext) {
      const message = encodeBatch(this.#queue.nextBatch().map(({ entry }) => entry));
      if (this.#usesAcks) this.#socket.send(message);
      else this.#socket.send(message, () => this.#settleOldest([]));
    }
    this.#wake();
  }

  /** Whether entries in flight are sent again over the next connection. */
  #repeats(error: unknown): boolean {
    const isFinal = error instanceof StreamerError && !error.retryable;
    return this.#options.dedupe !== undefined && !isFinal && !this.#controller.signal.aborted;
  }

  #settleOldest(outcomes: readonly Acknowledged[]): void {
    const batch = this.#queue.takeOldest();
    this.#nextNumber += batch.length;
    for (const [index, pending] of batch.entries())
      this.#settle(pending, outcomes[index] ?? { id: undefined });
    this.#transmit();
  }

  #settle(pending: PendingEntry, outcome: Acknowledged): void {
    this.heldBytes -= pending.bytes;
    pending.settle(outcome);
  }

  #failInFlight(error: unknown): void {
    for (const pending of this.#queue.takeInFlight()) this.#settle(pending, { error });
    this.#wake();
  }

  /** Ends the push after an error that a retry cannot fix. */
  #fail(error: unknown): void {
    this.#ended ??= { error };
    const { returned, others } = this.#queue.takeWaiting();
    for (const pending of returned) this.#settle(pending, { error: appendUnknown(error) });
    for (const pending of others) this.#settle(pending, { error });
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
 * batch is stored (docs/protocol.md). With several batches in flight, the client does not know which one was rejected.
 */
function inFlightError(error: unknown, batches: number): StreamerError {
  const isRejection = error instanceof StreamerError && error.closeCode !== undefined && !error.retryable;
  return isRejection && batches === 1 ? error : appendUnknown(error);
}

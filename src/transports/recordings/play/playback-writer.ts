/**
 * Stores the entries of a playback in order, one batch at a time: if Redis is unavailable, the batch is repeated until it is stored.
 * Entries carry dedupe numbers, so that a repeated one is stored once.
 */
import type { Visitor } from "../../../access/admission.ts";
import { accountName } from "../../../access/limits/limits.ts";
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import { sleep } from "../../../domain/scheduling/sleep.ts";
import type { NewEntry } from "../../../domain/streams/entry.ts";
import type { AppendResult } from "../../../redis/append/appender.ts";
import { isLargeAppend } from "../../../redis/append/large-appends.ts";
import type { TransportParts } from "../../parts.ts";
import { isRetryable } from "../recording-failures.ts";

/** Size of a batch, below that of a large append, whose parts are stored over several connections. */
const BATCH_ENTRIES = 256;
const BATCH_BYTES = 512 * 1024;
/** Entries and bytes that wait for the batch before them. */
const QUEUE_ENTRIES = 512;
const QUEUE_BYTES = 1024 * 1024;
/** Time in ms before a batch is repeated. */
const RETRY_MS = 500;

/** Receives the events of a writer. */
export interface PlaybackWriterHooks {
  /** Entries cannot be stored for a reason, or can be stored again. */
  readonly onWaiting: (reason: string | null) => void;
  /** @param bytes of all entries that are not stored yet */
  readonly onHeld: (bytes: number) => void;
}

interface Queued {
  readonly entry: NewEntry;
  readonly bytes: number;
}

/** Writer of one playback. */
export class PlaybackWriter {
  readonly #parts: TransportParts;
  readonly #visitor: Visitor;
  readonly #hooks: PlaybackWriterHooks;
  readonly #closing = new AbortController();
  #queue: Queued[] = [];
  #queueBytes = 0;
  /** The batch that is being stored, without its stored entries. */
  #batch: readonly Queued[] = [];
  #running: Promise<void> | undefined;
  #failure: GatewayError | undefined;
  #onRoom: () => void = () => undefined;
  /** Entries that are stored. */
  stored = 0;
  /** Size of their payloads. */
  bytes = 0;

  /** @param visitor the client whose limits apply */
  constructor(parts: TransportParts, visitor: Visitor, hooks: PlaybackWriterHooks) {
    this.#parts = parts;
    this.#visitor = visitor;
    this.#hooks = hooks;
  }

  /** Entries that are not known to be stored. */
  get notStored(): number {
    return this.#queue.length + this.#batch.length;
  }

  /**
   * Adds an entry.
   *
   * @param bytes size of its payload and fields
   * @returns a promise if the next one has to wait
   * @throws GatewayError of an earlier entry
   */
  add(entry: NewEntry, bytes: number): void | Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#queue.push({ entry, bytes });
    this.#queueBytes += bytes;
    this.#running ??= this.#run();
    if (this.#queue.length < QUEUE_ENTRIES && this.#queueBytes < QUEUE_BYTES) return;
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** Resolves when all entries are stored, or when it is closed. @throws GatewayError of an entry */
  async settled(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Drops the entries that are not stored. */
  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    try {
      // Further entries of this turn belong to the same batch.
      await new Promise(setImmediate);
      while (this.#queue.length > 0 && !signal.aborted) {
        this.#batch = this.#take();
        await this.#pay(this.#batch);
        await this.#store();
      }
    } catch (error) {
      this.#failure = asGatewayError(error);
    } finally {
      this.#running = undefined;
      this.#onRoom();
    }
  }

  #take(): readonly Queued[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#queue) {
      if (count === BATCH_ENTRIES || (count > 0 && bytes + one.bytes > BATCH_BYTES)) break;
      bytes += one.bytes;
      count++;
    }
    this.#hooks.onHeld(this.#queueBytes);
    const batch = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    this.#queueBytes -= bytes;
    this.#onRoom();
    return batch;
  }

  /** Waits while the client is over its rate limits. */
  async #pay(batch: readonly Queued[]): Promise<void> {
    const { limits } = this.#parts.access;
    if (!limits.hasRates) return;
    const bytes = batch.reduce((sum, one) => sum + one.bytes, 0);
    const waitMs = limits.accountOf(this.#visitor).take(batch.length, bytes);
    if (waitMs > 0) await sleep(waitMs, this.#closing.signal).catch(() => undefined);
  }

  /** Stores the batch, as often as it takes. @throws GatewayError that a repetition would not change */
  async #store(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#batch.length > 0 && !signal.aborted) {
      const batch = this.#batch;
      const results = await this.#append(batch.map(({ entry }) => entry));
      const errors = batch.map((_, i) => errorIn(results[i]));
      this.#batch = batch.filter((_, i) => errors[i] !== undefined);
      batch.forEach(({ entry }, i) => {
        if (errors[i] !== undefined) return;
        this.stored++;
        this.bytes += entry.data.length;
        this.#parts.observe.counters.playedEntries++;
      });
      const final = errors.findIndex((error) => error !== undefined && !mayRepeat(error));
      const { code, message } = errors[final] ?? {};
      if (code !== undefined) throw new GatewayError(code, `${batch[final]?.entry.key}: ${message}`);
      const first = errors.find((error) => error !== undefined);
      this.#hooks.onWaiting(first?.message ?? null);
      if (first !== undefined) await sleep(RETRY_MS, signal).catch(() => undefined);
    }
  }

  #append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    const { append, largeAppends } = this.#parts.streams;
    if (isLargeAppend(entries)) return largeAppends.store(accountName(this.#visitor), entries);
    return new Promise((resolve) => append(entries, resolve));
  }
}

/** Returns the error of an entry that is not stored, or not for certain. */
function errorIn(result: AppendResult | undefined): GatewayError | undefined {
  if (result === undefined || typeof result === "string") return undefined;
  // An earlier playback with the same dedupe key got further than the window of numbers that Redis remembers. Because entries are
  // stored in order, and a playback ends at the first one that is not, it stored this one.
  return result.code === "DEDUPE_TOO_OLD" ? undefined : result;
}

const mayRepeat = (error: GatewayError): boolean => isRetryable(error) || error.code === "APPEND_UNKNOWN";

/** One demo device: stores the readings of the rover on behalf of the client that started it, until it is stopped. */
import type { Visitor } from "../../access/admission.ts";
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import { DEMO_METAS, type DemoEntry } from "../../demo/demo-entries.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { NewEntry } from "../../domain/streams/entry.ts";
import type { AppendResult } from "../../redis/append/appender.ts";
import type { TransportParts } from "../parts.ts";
import { storeMetas } from "../request/append/store-metas.ts";
import { type DemoStatus, demoKeys } from "./demo-status.ts";

/** Maximum entries that wait for Redis, which are about a second. Later ones are lost: a live device does not wait either. */
const MAX_IN_FLIGHT = 128;
/** Memory of these entries. A picture has about 6 KB. */
const IN_FLIGHT_BYTES = 512 * 1024;

/** A device that is being played. */
export class DemoDevice {
  readonly #device: string;
  readonly #visitor: Visitor;
  readonly #parts: TransportParts;
  readonly #lease: MemoryLease;
  readonly #started = new Date().toISOString();
  #state: DemoStatus["state"] = "playing";
  #error: string | null = null;
  #stored = 0;
  #notStored = 0;
  #inFlight = 0;
  /** Until then the client is over its rate limits; ms of `performance.now()`. */
  #limitedUntilMs = 0;
  #isClosed = false;
  #forget: () => void = () => undefined;
  #onFailed: () => void = () => undefined;
  #onSettled: () => void = () => undefined;

  /** @param visitor the client whose permissions and limits apply */
  constructor(device: string, visitor: Visitor, parts: TransportParts) {
    this.#device = device;
    this.#visitor = visitor;
    this.#parts = parts;
    this.#lease = parts.access.memory.receive("append", visitor);
  }

  get name(): string {
    return this.#device;
  }

  get isPlaying(): boolean {
    return this.#state === "playing" && !this.#isClosed;
  }

  /** Stores the metadata of its streams. @param onFailed called if it cannot be played any more @throws GatewayError */
  async open(onFailed: () => void): Promise<void> {
    try {
      await this.#lease.grow(IN_FLIGHT_BYTES);
      const targets = new Map(demoKeys(this.#device).map((key) => [key, key]));
      const metas = DEMO_METAS.map(
        ([stream, meta]) => [`${this.#device}:${stream}`, JSON.stringify(meta)] as const,
      );
      await storeMetas(metas, targets, this.#parts);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#forget = this.#parts.access.sessions.whileGood(this.#visitor, (error) => this.fail(error));
    this.#onFailed = onFailed;
  }

  /** Stores readings. */
  add(readings: readonly DemoEntry[]): void {
    if (!this.isPlaying) return;
    if (this.#inFlight + readings.length > MAX_IN_FLIGHT) {
      this.#lose(readings.length, "Redis is slower than the device");
      return;
    }
    const entries = readings.map(
      ([stream, data]): NewEntry => ({
        key: `${this.#device}:${stream}`,
        id: "*",
        data: typeof data === "string" ? Buffer.from(data) : data,
      }),
    );
    if (this.#isLimited(entries)) {
      this.#lose(readings.length, "the client that started the device is over its rate limit");
      return;
    }
    this.#inFlight += entries.length;
    this.#parts.streams.append(entries, (results) => {
      this.#inFlight -= entries.length;
      for (const [i, result] of results.entries()) this.#replied(entries[i]?.key ?? "", result);
      if (this.#inFlight === 0) this.#onSettled();
    });
  }

  status(): DemoStatus {
    return {
      ...{ device: this.#device, streams: demoKeys(this.#device) },
      ...{ state: this.#state, error: this.#error, started: this.#started },
      ...{ stored: this.#stored, notStored: this.#notStored },
      owner: this.#visitor.identity.name,
    };
  }

  /** Ends it because of an error. */
  fail(error: GatewayError): void {
    if (!this.isPlaying) return;
    this.#state = "failed";
    this.#error = error.message;
    this.#parts.observe.logger.warn({ device: this.#device, err: error }, "the demo device failed");
    this.close();
    this.#onFailed();
  }

  /** Resolves when Redis has replied to all entries. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled = resolve;
      if (this.#inFlight === 0) resolve();
    });
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#forget();
    this.#lease.release();
  }

  #isLimited(entries: readonly NewEntry[]): boolean {
    const { limits } = this.#parts.access;
    if (!limits.hasRates) return false;
    const now = performance.now();
    if (now < this.#limitedUntilMs) return true;
    const bytes = entries.reduce((sum, { data }) => sum + data.length, 0);
    this.#limitedUntilMs = now + limits.accountOf(this.#visitor).take(entries.length, bytes);
    return false;
  }

  #replied(key: string, result: AppendResult): void {
    if (!(result instanceof GatewayError)) {
      this.#stored++;
      if (this.isPlaying) this.#error = null;
      return;
    }
    const { code, message } = result;
    this.#lose(1, message);
    // A lost acknowledgement does not matter here: the next entry follows.
    if (!result.kind.retryable && code !== "APPEND_UNKNOWN")
      this.fail(new GatewayError(code, `${key}: ${message}`));
  }

  #lose(entries: number, reason: string): void {
    this.#notStored += entries;
    if (this.isPlaying) this.#error = reason;
  }
}

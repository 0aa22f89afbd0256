/**
 * Pushes the entries of one stream while its connection is open, and counts each: as sent, waiting, skipped or dropped.
 *
 * ```
 * add ─▶ waiting ──open, declared, room──▶ in flight ──acknowledged──▶ sent
 *           └──over the limit──▶ dropped ◀──rejected, or not known──┘
 * ```
 */
import {
  type Declaration,
  type Push,
  type Status,
  type Streamer,
  StreamerError,
} from "../../../client/browser.ts";
import { sleep } from "../../../src/domain/scheduling/sleep.ts";
import type { Delivery } from "../sources/source.ts";
import { Meter } from "./meter.ts";
import { Outbox, type OutgoingItem } from "./outbox.ts";
import { NO_TRAFFIC, type Traffic } from "./traffic.ts";

/** The methods of the client that are used. */
export type PushClient = Pick<Streamer, "push" | "declare">;

/** A stream, and the callbacks for changes of its push. */
export interface StreamPushOptions {
  readonly device: string;
  readonly stream: string;
  readonly delivery: Delivery;
  readonly onStatus: (status: Status) => void;
  /** Called once if no entry can be stored any more. */
  readonly onFailed: (error: unknown) => void;
  /** Called each time nothing waits any more. */
  readonly onIdle: () => void;
}

/** Maximum number of bytes that wait while the gateway is unreachable: two minutes of sound at 16 kHz. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Maximum number of entries in flight: few pictures, so that none waits in the network, and some more of the small entries. */
const MAX_IN_FLIGHT = { newest: 2, all: 64 } as const satisfies Record<Delivery, number>;
/** Pause before a declaration that failed is repeated. */
const REPEAT_MS = 2000;

const QUEUE_FULL = `more than ${MAX_WAITING_BYTES / 2 ** 20} MB were waiting, so the oldest were removed`;

/** The push of one run, from start to stop. */
export class StreamPush {
  readonly #client: PushClient;
  readonly #options: StreamPushOptions;
  readonly #push: Push;
  readonly #abort = new AbortController();
  readonly #outbox = new Outbox(MAX_WAITING_BYTES);
  readonly #meter = new Meter();
  #counts: Pick<Traffic, "sent" | "sentBytes" | "skipped" | "dropped" | "problem"> = NO_TRAFFIC;
  #declaration: Declaration | undefined;
  #isOpen = false;
  #isDeclared = false;
  #inFlight = 0;
  #inFlightBytes = 0;

  constructor(client: PushClient, options: StreamPushOptions) {
    const { device, stream, delivery } = options;
    this.#client = client;
    this.#options = options;
    this.#push = client.push(stream, {
      device,
      signal: this.#abort.signal,
      onStatus: (status) => this.#statusChanged(status),
      // A picture whose acknowledgement was lost is not sent again: it is old by then.
      ...(delivery === "all" && { dedupe: randomKey() }),
    });
  }

  /** Whether an entry that is added now is sent at once. */
  get isReady(): boolean {
    return this.#isOpen && this.#isDeclared && this.#inFlight < MAX_IN_FLIGHT[this.#options.delivery];
  }

  /** Whether nothing waits and nothing is in flight. */
  get isIdle(): boolean {
    return this.#outbox.size === 0 && this.#inFlight === 0;
  }

  get traffic(): Traffic {
    return {
      ...this.#counts,
      rate: this.#isEnded ? NO_TRAFFIC.rate : this.#meter.rate,
      waiting: this.#outbox.size + this.#inFlight,
      waitingBytes: this.#outbox.bytes + this.#inFlightBytes,
    };
  }

  /** Sends an entry, at once or later. */
  add(data: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.#options.delivery === "newest" && !this.isReady) {
      this.skip();
      return;
    }
    this.#dropped(this.#outbox.add(data), QUEUE_FULL);
    this.#transmit();
  }

  /** Counts an entry that was left out. */
  skip(): void {
    this.#counts = { ...this.#counts, skipped: this.#counts.skipped + 1 };
  }

  /**
   * Declares the content of the stream. Entries wait until it is stored, so that every reader knows it. While the gateway is
   * unreachable it is repeated.
   */
  async declare(declaration: Declaration): Promise<void> {
    const { device, stream } = this.#options;
    const { signal } = this.#abort;
    this.#declaration = declaration;
    this.#isDeclared = false;
    while (!this.#isEnded && this.#declaration === declaration) {
      try {
        await this.#client.declare(stream, declaration, { device, signal });
        this.#isDeclared = this.#declaration === declaration;
        this.#transmit();
        return;
      } catch (error) {
        if (this.#isEnded) return;
        if (!(error instanceof StreamerError && error.retryable)) {
          this.#options.onFailed(error);
          return;
        }
        await sleep(REPEAT_MS);
      }
    }
  }

  /** Closes the connection, and drops the entries that wait. @param problem reason of the drops */
  end(problem: string): void {
    if (this.#isEnded) return;
    this.#dropped(this.#outbox.clear() + this.#inFlight, problem);
    this.#inFlight = 0;
    this.#inFlightBytes = 0;
    this.#abort.abort();
  }

  get #isEnded(): boolean {
    return this.#abort.signal.aborted;
  }

  #statusChanged(status: Status): void {
    if (this.#isEnded) return;
    this.#isOpen = status.state === "open";
    this.#options.onStatus(status);
    this.#transmit();
  }

  /** Sends the waiting entries, while the connection is open and there is room in flight. */
  #transmit(): void {
    while (this.isReady && !this.#isEnded) {
      const item = this.#outbox.take();
      if (item === undefined) break;
      void this.#send(item);
    }
  }

  async #send(item: OutgoingItem): Promise<void> {
    const bytes = item.data.length;
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    const outcome = await this.#push.send(item.data).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // The entry was counted as dropped when the push ended.
    if (this.#isEnded) return;
    this.#inFlight--;
    this.#inFlightBytes -= bytes;
    if (outcome === undefined) {
      const { sent, sentBytes } = this.#counts;
      this.#counts = { ...this.#counts, sent: sent + 1, sentBytes: sentBytes + bytes };
      this.#meter.add(bytes);
    } else this.#notStored(item, outcome.error);
    this.#transmit();
    if (this.isIdle) this.#options.onIdle();
  }

  #notStored(item: OutgoingItem, error: unknown): void {
    const code = error instanceof StreamerError ? error.code : undefined;
    if (code === "REDIS_UNAVAILABLE" && this.#options.delivery === "all") {
      this.#dropped(this.#outbox.restore(item), QUEUE_FULL);
      return;
    }
    this.#dropped(1, errorText(error));
    // The push reports for each entry why it was rejected, and ends if no other entry can be stored either.
    this.#push.ready().catch((ended: unknown) => {
      if (!this.#isEnded) this.#options.onFailed(ended);
    });
  }

  #dropped(count: number, problem: string): void {
    if (count > 0) this.#counts = { ...this.#counts, dropped: this.#counts.dropped + count, problem };
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Returns a key under which the entries of one run are stored once. `crypto.randomUUID` requires HTTPS. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Accounts of clients: the messages and bytes that they have sent, and the streams that they write to. */
import { BoundedMap } from "../../domain/bounded-map.ts";
import { createTokenBucket, type TokenBucket } from "../../domain/scheduling/token-bucket.ts";
import type { Usage } from "./usage.ts";

/** The account of one client. */
export interface Account {
  /**
   * Counts received messages.
   *
   * @param bytes total size of the messages
   * @returns time, in ms, for which to read nothing more from the client; 0 if it is under the limit
   */
  take(messages: number, bytes: number): number;
}

/** An account, as this worker knows it. */
export interface OwnAccount extends Account {
  /** Counts messages that other workers received. */
  pay(messages: number, bytes: number): void;
  /** Hashes of stream keys, which take less memory than long keys. */
  readonly streams: Set<string>;
}

/** Rate limits of one client; 0 disables a limit. */
export interface Rates {
  /** Messages (including requests) and bytes per second. */
  readonly maxMessagesPerSecond: number;
  readonly maxBytesPerSecond: number;
}

/** Name of a rate limit in metrics. */
type RateLimit = "messages_per_second" | "bytes_per_second";

/** A clock, and the counter of limit hits. */
interface AccountHooks {
  /** Monotonic clock in ms. */
  readonly now: () => number;
  readonly onHit: (limit: RateLimit) => void;
}

/** Maximum number of accounts; the least recently used ones are evicted. */
const MAX_ACCOUNTS = 100_000;

/** The accounts of all clients. */
export class Accounts {
  readonly #rates: Rates;
  readonly #usage: Usage;
  readonly #hooks: AccountHooks;
  readonly #accounts = new BoundedMap<OwnAccount>(MAX_ACCOUNTS);

  /** @param usage usage of the clients in all workers */
  constructor(rates: Rates, usage: Usage, hooks: AccountHooks) {
    this.#rates = rates;
    this.#usage = usage;
    this.#hooks = hooks;
    usage.listen({
      spent: (name, messages, bytes) => this.get(name).pay(messages, bytes),
      stream: (name, stream) => this.get(name).streams.add(stream),
    });
  }

  /** Whether a rate limit is set. */
  get hasRates(): boolean {
    return this.#rates.maxMessagesPerSecond > 0 || this.#rates.maxBytesPerSecond > 0;
  }

  /** Returns the account with a name. */
  get(name: string): OwnAccount {
    const account = this.#accounts.get(name) ?? this.#open(name);
    // Makes it the newest, so that the oldest account is the least recently used.
    this.#accounts.delete(name);
    this.#accounts.set(name, account);
    return account;
  }

  #open(name: string): OwnAccount {
    const usage = this.#usage;
    const { onHit } = this.#hooks;
    const rates = this.#openRates();
    function pay(messages: number, bytes: number): void {
      for (const [, bucket, amountOf] of rates) bucket.take(amountOf(messages, bytes));
    }
    return {
      streams: new Set(),
      pay,
      take(messages, bytes) {
        pay(messages, bytes);
        if (messages + bytes > 0) usage.spend(name, messages, bytes);
        let longest = 0;
        for (const [limit, bucket] of rates) {
          const wait = bucket.waitMs();
          if (wait > 0) onHit(limit);
          longest = Math.max(longest, wait);
        }
        return longest;
      },
    };
  }

  #openRates(): [RateLimit, TokenBucket, (messages: number, bytes: number) => number][] {
    const { maxMessagesPerSecond, maxBytesPerSecond } = this.#rates;
    const { now } = this.#hooks;
    const rates: [RateLimit, TokenBucket, (messages: number, bytes: number) => number][] = [];
    if (maxMessagesPerSecond > 0)
      rates.push([
        "messages_per_second",
        createTokenBucket(maxMessagesPerSecond, now),
        (messages) => messages,
      ]);
    if (maxBytesPerSecond > 0)
      rates.push(["bytes_per_second", createTokenBucket(maxBytesPerSecond, now), (_, bytes) => bytes]);
    return rates;
  }
}

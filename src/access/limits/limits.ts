/**
 * Rate and connection limits of clients. Each identity has an account; clients without an identity are counted by
 * address. A client over its limit is slowed down or rejected without effect on other clients.
 */
import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import type { Visitor } from "../admission.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";
import { createOwnUsage, type Usage } from "./usage.ts";

/** Limits of one client; 0 disables a limit. */
export interface LimitOptions {
  /** Long-lived connections of one address and of one identity. */
  readonly maxSocketsPerAddress: number;
  readonly maxSocketsPerIdentity: number;
  /** Messages (including requests) and bytes per second. */
  readonly maxMessagesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** Streams that one identity may write to during the life of the gateway. */
  readonly maxStreamsPerIdentity: number;
}

/** Names of the limits in metrics. */
export const LIMITS = [
  "sockets",
  "sockets_per_address",
  "sockets_per_identity",
  "messages_per_second",
  "bytes_per_second",
  "streams_per_identity",
  "handshake_time",
  "upload_time",
  "write_time",
  "header_bytes",
  "message_bytes",
] as const;

/** One of `LIMITS`. */
export type Limit = (typeof LIMITS)[number];

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

/** Limits of all clients. */
export interface Limits {
  /** Whether a rate limit is set, so messages must be counted. */
  readonly hasRates: boolean;
  accountOf(visitor: Visitor): Account;
  /** Checks that a visitor may open another connection. @throws GatewayError TOO_MANY_CONNECTIONS */
  checkConnection(visitor: Visitor): void;
  /** Counts a long-lived connection. `removeConnection` must receive the same name. @param name of its identity */
  addConnection(address: string, name: string): void;
  removeConnection(address: string, name: string): void;
  /** Counts a stream that the client writes to. @throws GatewayError TOO_MANY_STREAMS */
  useStream(visitor: Visitor, key: string): void;
  hit(limit: Limit): void;
  /** Number of times each limit was hit since the start. */
  readonly hits: Readonly<Record<Limit, number>>;
}

interface OwnAccount extends Account {
  /** Counts messages that other workers received. */
  pay(messages: number, bytes: number): void;
  /** Hashes of stream keys, which take less memory than long keys. */
  readonly streams: Set<string>;
}

/** Maximum number of accounts; the least recently used ones are evicted. */
const MAX_ACCOUNTS = 100_000;

/**
 * Creates the limits of a gateway.
 *
 * @param usage usage of the clients in all workers, if there are several
 * @param now a monotonic clock in ms
 */
export function createLimits(
  options: LimitOptions,
  usage: Usage = createOwnUsage(),
  now: () => number = () => performance.now(),
): Limits {
  const { maxMessagesPerSecond, maxBytesPerSecond } = options;
  const hits = Object.fromEntries(LIMITS.map((name) => [name, 0])) as Record<Limit, number>;
  const accounts = new Map<string, OwnAccount>();
  const perAddress = usage.count("address");
  const perIdentity = usage.count("identity");
  usage.listen({
    spent: (name, messages, bytes) => accountNamed(name).pay(messages, bytes),
    stream: (name, stream) => accountNamed(name).streams.add(stream),
  });

  function accountNamed(name: string): OwnAccount {
    const account = accounts.get(name) ?? openAccount(name);
    // Reinsert at the end, so that the first account is the least recently used.
    accounts.delete(name);
    accounts.set(name, account);
    return account;
  }

  function openAccount(name: string): OwnAccount {
    const [oldest] = accounts.keys();
    if (accounts.size >= MAX_ACCOUNTS && oldest !== undefined) accounts.delete(oldest);
    const rates: [Limit, TokenBucket, (messages: number, bytes: number) => number][] = [];
    if (maxMessagesPerSecond > 0)
      rates.push([
        "messages_per_second",
        createTokenBucket(maxMessagesPerSecond, now),
        (messages) => messages,
      ]);
    if (maxBytesPerSecond > 0)
      rates.push(["bytes_per_second", createTokenBucket(maxBytesPerSecond, now), (_, bytes) => bytes]);
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
          if (wait > 0) hits[limit]++;
          longest = Math.max(longest, wait);
        }
        return longest;
      },
    };
  }

  return {
    hasRates: maxMessagesPerSecond > 0 || maxBytesPerSecond > 0,
    hits,
    hit(limit) {
      hits[limit]++;
    },
    accountOf: (visitor) => accountNamed(accountName(visitor)),
    checkConnection({ address, identity }) {
      const reject = (limit: Limit, owner: string, max: number) => {
        hits[limit]++;
        throw new GatewayError(
          "TOO_MANY_CONNECTIONS",
          `${owner} has reached its limit of ${max} connections`,
        );
      };
      const { maxSocketsPerAddress, maxSocketsPerIdentity } = options;
      if (maxSocketsPerAddress > 0 && perAddress.of(address) >= maxSocketsPerAddress)
        reject("sockets_per_address", address, maxSocketsPerAddress);
      if (
        maxSocketsPerIdentity > 0 &&
        isIdentified({ identity }) &&
        perIdentity.of(identity.name) >= maxSocketsPerIdentity
      )
        reject("sockets_per_identity", identity.name, maxSocketsPerIdentity);
    },
    addConnection(address, name) {
      perAddress.add(address, 1);
      perIdentity.add(name, 1);
    },
    removeConnection(address, name) {
      perAddress.add(address, -1);
      perIdentity.add(name, -1);
    },
    useStream(visitor, key) {
      const max = options.maxStreamsPerIdentity;
      if (max === 0) return;
      const account = accountName(visitor);
      const { streams } = accountNamed(account);
      const name = createHash("sha256").update(key).digest("base64url").slice(0, 16);
      if (streams.has(name)) return;
      if (streams.size >= max) {
        hits.streams_per_identity++;
        throw new GatewayError(
          "TOO_MANY_STREAMS",
          `${account} has reached its limit of ${max} streams written to`,
        );
      }
      streams.add(name);
      usage.useStream(account, name);
    },
  };
}

/** Returns whether the client has authenticated: identity names contain a colon, except `anyone`. */
const isIdentified = ({ identity }: Pick<Visitor, "identity">): boolean => identity.name.includes(":");

/** Returns the name of a visitor's account: its key or identity, else its address. */
export const accountName = (visitor: Visitor): string =>
  isIdentified(visitor) ? (visitor.identity.keyId ?? visitor.identity.name) : visitor.address;

/**
 * How much one client may have. An account is kept for each identity, or for each address where nobody says who they
 * are, so that one that asks for too much is slowed down or refused, and no other one notices.
 */
import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import type { Visitor } from "../admission.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";
import { createOwnUsage, type Usage } from "./usage.ts";

/** The limits; 0 sets none. */
export interface LimitOptions {
  /** Connections that last, of one address and of one identity. */
  readonly maxSocketsPerAddress: number;
  readonly maxSocketsPerIdentity: number;
  /** Messages and requests, and their bytes, a second. */
  readonly maxMessagesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** Streams that one identity writes to, while the gateway runs. */
  readonly maxStreamsPerIdentity: number;
}

/** The limits that can be hit, as the metrics call them. */
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
   * Counts messages that came in.
   *
   * @param bytes of all of them
   * @returns how long (ms) nothing more is to be taken in; 0 for not at all
   */
  take(messages: number, bytes: number): number;
}

/** Keeps the accounts. */
export interface Limits {
  /** Whether messages have to be counted at all. */
  readonly hasRates: boolean;
  accountOf(visitor: Visitor): Account;
  /** Whether a visitor may have one connection more. @throws GatewayError TOO_MANY_CONNECTIONS */
  checkConnection(visitor: Visitor): void;
  /** Counts a connection that lasts, and takes that back. @param name of the identity with which it was opened */
  addConnection(address: string, name: string): void;
  removeConnection(address: string, name: string): void;
  /** Counts a stream that is written to. @throws GatewayError TOO_MANY_STREAMS */
  useStream(visitor: Visitor, key: string): void;
  hit(limit: Limit): void;
  /** How often each limit was hit, since the start. */
  readonly hits: Readonly<Record<Limit, number>>;
}

interface OwnAccount extends Account {
  /** Counts what came in elsewhere. */
  pay(messages: number, bytes: number): void;
  /** By hash, so that long names take no more room. */
  readonly streams: Set<string>;
}

/** Accounts that are kept; of more clients, those that were away longest are forgotten. */
const MOST_ACCOUNTS = 100_000;

/**
 * Makes the limits of a gateway.
 *
 * @param usage where there are several workers, what clients use in all of them
 * @param now a clock in ms that never goes back
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
    // Behind all others, so that the first is the one that was away longest.
    accounts.delete(name);
    accounts.set(name, account);
    return account;
  }

  function openAccount(name: string): OwnAccount {
    const [oldest] = accounts.keys();
    if (accounts.size >= MOST_ACCOUNTS && oldest !== undefined) accounts.delete(oldest);
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
      const refuse = (limit: Limit, whose: string, most: number) => {
        hits[limit]++;
        throw new GatewayError(
          "TOO_MANY_CONNECTIONS",
          `${whose} has the ${most} connections that it may have`,
        );
      };
      const { maxSocketsPerAddress, maxSocketsPerIdentity } = options;
      if (maxSocketsPerAddress > 0 && perAddress.of(address) >= maxSocketsPerAddress)
        refuse("sockets_per_address", address, maxSocketsPerAddress);
      if (
        maxSocketsPerIdentity > 0 &&
        isSomebody({ identity }) &&
        perIdentity.of(identity.name) >= maxSocketsPerIdentity
      )
        refuse("sockets_per_identity", identity.name, maxSocketsPerIdentity);
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
      const most = options.maxStreamsPerIdentity;
      if (most === 0) return;
      const account = accountName(visitor);
      const { streams } = accountNamed(account);
      const name = createHash("sha256").update(key).digest("base64url").slice(0, 16);
      if (streams.has(name)) return;
      if (streams.size >= most) {
        hits.streams_per_identity++;
        throw new GatewayError("TOO_MANY_STREAMS", `${account} has written to ${most} streams, the most`);
      }
      streams.add(name);
      usage.useStream(account, name);
    },
  };
}

/** Whether somebody said who they are. */
const isSomebody = ({ identity }: Pick<Visitor, "identity">): boolean => identity.name.includes(":");

/** The client that a visitor counts as: its key or identity, else its address. */
export const accountName = (visitor: Visitor): string =>
  isSomebody(visitor) ? (visitor.identity.keyId ?? visitor.identity.name) : visitor.address;

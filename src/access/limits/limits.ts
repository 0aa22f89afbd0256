/**
 * Rate and connection limits of clients. Each identity has an account; clients without an identity are counted by
 * address. A client over its limit is slowed down or rejected without effect on other clients.
 */
import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";
import type { Visitor } from "../admission.ts";
import { type Account, Accounts } from "./accounts.ts";
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
  "waiting_requests",
] as const;

/** One of `LIMITS`. */
export type Limit = (typeof LIMITS)[number];

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
  const hits = Object.fromEntries(LIMITS.map((name) => [name, 0])) as Record<Limit, number>;
  const accounts = new Accounts(options, usage, { now, onHit: (limit) => hits[limit]++ });
  const perAddress = usage.count("address");
  const perIdentity = usage.count("identity");

  return {
    hasRates: accounts.hasRates,
    hits,
    hit(limit) {
      hits[limit]++;
    },
    accountOf: (visitor) => accounts.get(accountName(visitor)),
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
      const { streams } = accounts.get(account);
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

/** Who somebody is, and the one question that every door asks before it does something for them. */
import { GatewayError } from "../../domain/errors.ts";
import { type Action, allows, allowsGateway, covers, type Grant } from "./grant.ts";
import type { TicketScope } from "./ticket-scope.ts";

/** Somebody who came in, with what they may do. */
export interface Identity {
  /** For logs and the list of connections: `key:lab-camera`, `jwt:alice`. Never a secret. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** When it ends, in ms since 1970; absent where it does not end by itself. */
  readonly expiresAtMs?: number;
  /** The API key behind it, which can be revoked. */
  readonly keyId?: string;
  /** Present where a ticket was shown: it may not make further tickets. */
  readonly isTicket?: true;
  /** The one use that a ticket was requested for; the grants count within it only. */
  readonly scope?: TicketScope;
}

/** Everybody, where authentication is off. */
export const ANYONE: Identity = { name: "anyone", grants: [{ action: "admin", pattern: "*" }] };

/** The key that stands for the metrics page: `read::metrics` allows a scraper that, and nothing else. */
export const METRICS = ":metrics";

/** Stands for all streams of a device, in what concerns the device itself. */
export const wholeDevice = (device: string): string => `${device}:*`;

/** Returns whether an identity may do something with one stream. @param key the stream's key in Redis */
export const may = (identity: Identity, action: Action, key: string): boolean =>
  identity === ANYONE ||
  (isInScope(identity, action, key) && identity.grants.some((grant) => allows(grant, action, key)));

const isInScope = ({ scope }: Identity, action: Action, key: string): boolean =>
  scope === undefined || (scope.action === action && scope.keys.includes(key));

/** Those of streams' keys that an identity may read: what is listed shows no others. */
export const readable = (identity: Identity, keys: readonly string[]): readonly string[] =>
  identity === ANYONE ? keys : keys.filter((key) => may(identity, "read", key));

/** Returns whether an identity may know of a device: it may read at least one stream of it. */
export const maySee = (identity: Identity, device: string): boolean =>
  identity === ANYONE ||
  (identity.scope === undefined && identity.grants.some((grant) => covers(grant, device)));

/**
 * Checks that an identity may act on the whole gateway. Only a grant on `*` allows that: `*:*` covers the streams of all
 * devices, and neither the gateway's own streams nor the routes under `/admin`.
 *
 * @throws GatewayError FORBIDDEN
 */
export function authorizeGateway(identity: Identity, action: Action): void {
  if (identity === ANYONE) return;
  if (identity.scope !== undefined || !identity.grants.some((grant) => allowsGateway(grant, action)))
    throw new GatewayError(
      "FORBIDDEN",
      `${identity.name} has no permission to ${action} the gateway (${action}:*)`,
    );
}

/**
 * Whether an identity may know of a device.
 *
 * @throws GatewayError FORBIDDEN
 */
export function authorizeDevice(identity: Identity, device: string): void {
  if (!maySee(identity, device))
    throw new GatewayError("FORBIDDEN", `${identity.name} has no permission to read device ${device}`);
}

/**
 * Rejects keys that clients may read and not change: those that begin with `:` hold the gateway's own data. Every write
 * passes here with its final key, whatever device, prefix and stream id it is made of.
 *
 * @throws GatewayError FORBIDDEN
 */
export function requireWritable(key: string): void {
  if (key.startsWith(":"))
    throw new GatewayError("FORBIDDEN", `keys that begin with ":" are read-only, got "${key.slice(0, 60)}"`);
}

/**
 * Whether an identity may do something with streams: all of them, or it is refused.
 *
 * @param keys the streams' keys in Redis
 * @throws GatewayError FORBIDDEN that names the first stream it may not
 */
export function authorize(identity: Identity, action: Action, keys: readonly string[]): void {
  if (action !== "read") for (const key of keys) requireWritable(key);
  if (identity === ANYONE) return;
  const refused = keys.find((key) => !may(identity, action, key));
  if (refused !== undefined)
    throw new GatewayError("FORBIDDEN", `${identity.name} has no permission to ${action} ${refused}`);
}

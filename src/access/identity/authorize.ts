/** Identities, and the authorization check that every transport makes before it acts for a client. */
import { GatewayError } from "../../domain/errors.ts";
import { type Action, allows, allowsGateway, covers, type Grant } from "./grant.ts";
import type { TicketScope } from "./ticket-scope.ts";

/** An authenticated client, with its permissions. */
export interface Identity {
  /** For logs and the list of connections: `key:lab-camera`, `jwt:alice`. Never a secret. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** Expiry, in ms since 1970; absent if it does not expire. */
  readonly expiresAtMs?: number;
  /** Id of the API key that it was authenticated by, which can be revoked. */
  readonly keyId?: string;
  /** Present if the client authenticated with a ticket, which may not issue further tickets. */
  readonly isTicket?: true;
  /** The route and streams that a ticket is limited to; the grants apply only within it. */
  readonly scope?: TicketScope;
}

/** Identity of every client while authentication is off. */
export const ANYONE: Identity = { name: "anyone", grants: [{ action: "admin", pattern: "*" }] };

/** Key that represents the metrics page: the permission `read::metrics` lets a scraper read it and nothing else. */
export const METRICS = ":metrics";

/** Key that represents all streams of a device, for actions on the device itself. */
export const wholeDevice = (device: string): string => `${device}:*`;

/** Returns whether an identity may perform an action on one stream. @param key the stream's key in Redis */
export const may = (identity: Identity, action: Action, key: string): boolean =>
  identity === ANYONE ||
  (isInScope(identity, action, key) && identity.grants.some((grant) => allows(grant, action, key)));

const isInScope = ({ scope }: Identity, action: Action, key: string): boolean =>
  scope === undefined || (scope.action === action && scope.keys.includes(key));

/** Filters stream keys to those that an identity may read, for listings. */
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
      `${identity.name} lacks the permission ${action}:*, which this operation requires`,
    );
}

/**
 * Checks that an identity may see a device.
 *
 * @throws GatewayError FORBIDDEN
 */
export function authorizeDevice(identity: Identity, device: string): void {
  if (!maySee(identity, device))
    throw new GatewayError("FORBIDDEN", `${identity.name} has no permission to read device ${device}`);
}

/**
 * Rejects keys that clients may read but not change: keys that begin with `:` contain the gateway's own data. Every write
 * passes this check with its final key.
 *
 * @throws GatewayError FORBIDDEN
 */
export function requireWritable(key: string): void {
  if (key.startsWith(":"))
    throw new GatewayError("FORBIDDEN", `keys that begin with ":" are read-only, got "${key.slice(0, 60)}"`);
}

/**
 * Checks that an identity may act on all of the given streams.
 *
 * @param keys the streams' keys in Redis
 * @throws GatewayError FORBIDDEN that names the first stream without permission
 */
export function authorize(identity: Identity, action: Action, keys: readonly string[]): void {
  if (action !== "read") for (const key of keys) requireWritable(key);
  if (identity === ANYONE) return;
  const denied = keys.find((key) => !may(identity, action, key));
  if (denied !== undefined)
    throw new GatewayError("FORBIDDEN", `${identity.name} has no permission to ${action} ${denied}`);
}

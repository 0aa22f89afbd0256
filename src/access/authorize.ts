/** Who somebody is, and the one question that every door asks before it does something for them. */
import { GatewayError } from "../domain/errors.ts";
import { type Action, allows, covers, type Grant } from "./grant.ts";

/** Somebody who came in, with what they may do. */
export interface Identity {
  /** For logs and the list of connections: `key:lab-camera`, `jwt:alice`. Never a secret. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** When it ends, in ms since 1970; absent where it does not end by itself. */
  readonly expiresAtMs?: number;
  /** The API key behind it, which can be revoked. */
  readonly keyId?: string;
}

/** Everybody, where authentication is off. */
export const ANYONE: Identity = { name: "anyone", grants: [{ action: "admin", pattern: "*" }] };

/** Stands for all streams at once, in what concerns the whole gateway: only a grant on everything covers it. */
export const EVERYTHING = "*:*";

/** The key that stands for the metrics page: `read::metrics` allows a scraper that, and nothing else. */
export const METRICS = ":metrics";

/** Stands for all streams of a device, in what concerns the device itself. */
export const wholeDevice = (device: string): string => `${device}:*`;

/** Whether an identity may do something with one stream. @param key the stream's key in Redis */
export const may = (identity: Identity, action: Action, key: string): boolean =>
  identity === ANYONE || identity.grants.some((grant) => allows(grant, action, key));

/** Those of streams' keys that an identity may read: what is listed shows no others. */
export const readable = (identity: Identity, keys: readonly string[]): readonly string[] =>
  identity === ANYONE ? keys : keys.filter((key) => may(identity, "read", key));

/** Whether an identity may know of a device: it may read some stream of it. */
export const maySee = (identity: Identity, device: string): boolean =>
  identity === ANYONE || identity.grants.some((grant) => covers(grant, device));

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
 * Whether an identity may do something with streams: all of them, or it is refused.
 *
 * @param keys the streams' keys in Redis
 * @throws GatewayError FORBIDDEN that names the first stream it may not
 */
export function authorize(identity: Identity, action: Action, keys: readonly string[]): void {
  if (identity === ANYONE) return;
  const refused = keys.find((key) => !may(identity, action, key));
  if (refused !== undefined)
    throw new GatewayError("FORBIDDEN", `${identity.name} has no permission to ${action} ${refused}`);
}

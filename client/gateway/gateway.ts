/** Connection settings and options shared by pulls and pushes. */

import type { Backoff } from "../../src/domain/scheduling/backoff.ts";
import type { StreamerError } from "../errors.ts";
import type { Transport } from "../transport/transport.ts";
import type { Address } from "./address.ts";
import type { Token } from "./token.ts";

/** A gateway and how to connect to it. */
export interface Gateway {
  readonly address: Address;
  readonly transport: Transport;
  readonly backoff: Backoff;
  readonly token: Token | undefined;
}

/** State of a connection. */
export type Status =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** The connection is open, but the gateway's Redis is unavailable: nothing is delivered or stored until it recovers. */
  | { readonly state: "redis-unavailable"; readonly since: Date }
  /** The connection is open, but a message from the gateway is overdue. */
  | { readonly state: "silent"; readonly since: Date }
  /** The last attempt failed or the connection closed. The next attempt starts after `delayMs`. */
  | { readonly state: "waiting"; readonly error: StreamerError; readonly delayMs: number };

/** Options common to pulls and pushes. */
export interface CommonOptions {
  /** Device of the streams; `""` if stream names are complete Redis keys. @default "default" */
  readonly device?: string | undefined;
  /** Text before each stream name in its Redis key. @default "" */
  readonly prefix?: string | undefined;
  /** Stops the operation immediately. */
  readonly signal?: AbortSignal | undefined;
  /** Receives each change of the connection's state, for example to display it. */
  readonly onStatus?: ((status: Status) => void) | undefined;
}

/** Query parameters of device and prefix. */
export const namingQuery = ({ device, prefix }: CommonOptions) => ({ device_id: device, prefix });

/** Connection settings and options shared by pulls and pushes. */

import type { Backoff } from "../../src/domain/scheduling/backoff.ts";
import type { Status } from "../connection/reconnect.ts";
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

/** What pulls and pushes share: where the gateway is, and how this platform reaches it. */

import type { Backoff } from "../src/domain/backoff.ts";
import type { Address } from "./address.ts";
import type { Status } from "./reconnect.ts";
import type { Token } from "./token.ts";
import type { Transport } from "./transport/transport.ts";

/** A gateway as the client sees it. */
export interface Gateway {
  readonly address: Address;
  readonly transport: Transport;
  readonly backoff: Backoff;
  readonly token: Token | undefined;
}

/** Which streams are meant, and who decides how long. Common to pulls and pushes. */
export interface CommonOptions {
  /** Device whose streams are meant; `""` if stream ids are whole keys of Redis. @default "default" */
  readonly device?: string | undefined;
  /** Put before each stream id to make its key. @default "" */
  readonly prefix?: string | undefined;
  /** Ends it at once. */
  readonly signal?: AbortSignal | undefined;
  /** Told what the connection does: a place to show that it waits. */
  readonly onStatus?: ((status: Status) => void) | undefined;
}

/** The query that names device and prefix as wire.md does. */
export const namingQuery = ({ device, prefix }: CommonOptions) => ({ device_id: device, prefix });

/** The client as its users see it, on whatever platform. */

import { type Backoff, DEFAULT_BACKOFF } from "../src/domain/backoff.ts";
import { parseAddress } from "./address.ts";
import { type Catalog, createCatalog } from "./catalog.ts";
import type { PulledEntry } from "./entry.ts";
import { type RangeOptions, readEntries } from "./history.ts";
import { type PullOptions, pull } from "./pull.ts";
import { createPush, type Push, type PushOptions } from "./push.ts";
import type { Token } from "./token.ts";
import type { Transport } from "./transport/transport.ts";
import { createWatch, type Watch } from "./watch.ts";

/** What holds for everything done with one gateway. */
export interface ConnectOptions {
  /** API key or JSON Web Token, where the gateway asks for one. */
  readonly token?: Token | undefined;
  /** The waits between attempts to connect. */
  readonly backoff?: Partial<Backoff> | undefined;
}

/** A gateway to pull from and push to. It holds no connection itself: each pull and push has its own. */
export interface Streamer extends Catalog, Watch {
  /**
   * Pulls streams as a loop that spans reconnects: each entry once, in order.
   *
   * @param streams stream ids, or one text that joins them by `+`
   * @throws StreamerError at the loop, where trying again cannot help; the signal's reason where it was aborted
   */
  pull(
    streams: string | readonly string[],
    options?: PullOptions,
  ): AsyncGenerator<PulledEntry, void, undefined>;
  /** Opens a way into a stream. Close it, or the connection stays. */
  push(stream: string, options?: PushOptions): Push;
  /** Reads a range of a stream's history as a loop. @throws StreamerError at the loop */
  entries(stream: string, range?: RangeOptions): AsyncGenerator<PulledEntry, void, undefined>;
}

/** Makes a client on a platform's transport. @throws StreamerError BAD_URL */
export function createStreamer(transport: Transport, url: string, options: ConnectOptions): Streamer {
  const gateway = {
    address: parseAddress(url),
    transport,
    token: options.token,
    backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
  };
  return {
    ...createCatalog(gateway),
    ...createWatch(gateway),
    entries: (stream, range = {}) => readEntries(gateway, stream, range),
    pull: (streams, pullOptions = {}) => pull(gateway, streams, pullOptions),
    push: (stream, pushOptions = {}) => createPush(gateway, stream, pushOptions),
  };
}

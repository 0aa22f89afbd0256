/** The client's public interface, independent of the platform. */

import { type Backoff, DEFAULT_BACKOFF } from "../src/domain/scheduling/backoff.ts";
import { type Catalog, createCatalog } from "./catalog/catalog.ts";
import { createRecordings, type Recordings } from "./catalog/recordings.ts";
import { createWatch, type Watch } from "./catalog/watch.ts";
import { parseAddress } from "./gateway/address.ts";
import type { Token } from "./gateway/token.ts";
import { createPush } from "./pushing/push.ts";
import type { Push, PushOptions } from "./pushing/push-options.ts";
import type { PulledEntry } from "./reading/entry.ts";
import { type RangeOptions, readEntries } from "./reading/history.ts";
import { type Playback, type PlayOptions, play } from "./reading/playback.ts";
import { pull } from "./reading/pull.ts";
import type { PullOptions } from "./reading/pull-options.ts";
import type { Transport } from "./transport/transport.ts";
import { createWork } from "./working/work.ts";
import type { Work, WorkOptions } from "./working/work-options.ts";

/** Options of a client. */
export interface ConnectOptions {
  /** API key or JSON Web Token, if the gateway requires one. */
  readonly token?: Token | undefined;
  /** Delays between connection attempts. */
  readonly backoff?: Partial<Backoff> | undefined;
}

/** A client of one gateway. It holds no connection itself: each pull and each push opens its own. */
export interface Streamer extends Catalog, Watch, Recordings {
  /**
   * Yields the entries of streams, each once and in order. The loop reconnects by itself.
   *
   * @param streams one stream name or pattern such as `cam-*`, or a list of them. Streams that appear later join
   * @throws StreamerError inside the loop, if a retry cannot succeed; the signal's reason if it was aborted
   */
  pull(
    streams: string | readonly string[],
    options?: PullOptions,
  ): AsyncGenerator<PulledEntry, void, undefined>;
  /**
   * Plays history back at its original pace times a rate. Yields the entries of all streams in the order of their ids, and
   * takes commands while it runs.
   *
   * @throws StreamerError BAD_PARAMETER for an unknown option; others inside the loop, as `pull`
   */
  play(streams: string | readonly string[], options?: PlayOptions): Playback;
  /** Opens a push connection to a stream. It stays open until `close` is called. */
  push(stream: string, options?: PushOptions): Push;
  /**
   * Returns the jobs of a consumer group: one of its workers receives each entry, and another one if it is not done in time.
   *
   * @param streams one stream name, or a list in order of priority
   */
  work(streams: string | readonly string[], options: WorkOptions): Work;
  /** Yields a range of a stream's history. @throws StreamerError inside the loop */
  entries(stream: string, range?: RangeOptions): AsyncGenerator<PulledEntry, void, undefined>;
}

/** Creates a client on a platform's transport. @throws StreamerError BAD_URL */
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
    ...createRecordings(gateway),
    entries: (stream, range = {}) => readEntries(gateway, stream, range),
    play: (streams, playOptions = {}) => play(gateway, streams, playOptions),
    pull: (streams, pullOptions = {}) => pull(gateway, streams, pullOptions),
    work: (streams, workOptions) => createWork(gateway, streams, workOptions),
    push: (stream, pushOptions = {}) => createPush(gateway, stream, pushOptions),
  };
}

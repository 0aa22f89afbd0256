/** Interface of a push: its options, its entries and its methods. */
import type { GivenValue } from "../../src/wire/msgpack/msgpack.ts";
import type { CommonOptions } from "../gateway/gateway.ts";

/** Options of a push. */
export interface PushOptions extends CommonOptions {
  /** Whether the gateway acknowledges each entry with its id once it is stored. @default true */
  readonly ack?: boolean | undefined;
  /** Maximum number of unacknowledged bytes. @default 1_048_576 // 1 MiB */
  readonly maxInFlightBytes?: number | undefined;
  /**
   * Key under which entries are numbered, so that the gateway stores each once. After a lost connection, the client then sends
   * unacknowledged entries again, and `send` does not fail with APPEND_UNKNOWN. Requires `ack`.
   */
  readonly dedupe?: string | undefined;
  /** Number of the first entry. A program that repeats its entries, such as a replay, numbers them alike. @default 0 */
  readonly dedupeFrom?: number | undefined;
}

/** Optional parts of an entry besides its payload. */
export interface SendOptions {
  /** Entry id, `<ms>-<sequence>` or `<ms>-*`. @default assigned by Redis */
  readonly id?: string | undefined;
  /** Fields besides the payload. Text is stored as UTF-8, a list repeats the field. */
  readonly fields?: Readonly<Record<string, GivenValue>> | undefined;
}

/** One entry of `sendAll`. */
export interface BatchEntry extends SendOptions {
  readonly data: Uint8Array | string;
}

/** A push connection to one stream. */
export interface Push {
  /** Bytes waiting or in flight, with a small overhead per entry. */
  readonly heldBytes: number;
  /**
   * Sends one entry. Awaiting each call costs a round trip per entry. To keep many in flight, await `ready` instead.
   * The payload must not be changed before the promise has settled.
   *
   * @param data the payload; text is sent as UTF-8
   * @returns the entry's id once it is stored; without `ack` undefined, once the platform has written it
   * @throws StreamerError APPEND_UNKNOWN if the connection closed before the acknowledgement; without `dedupe`, the client never
   * sends the entry again by itself. Otherwise the gateway's error, or the signal's reason if the entry was not sent.
   */
  send(data: Uint8Array | string, options?: SendOptions): Promise<string | undefined>;
  /**
   * Sends entries in order, in as few messages as possible.
   *
   * @param entries payloads, or payloads with ids and fields
   * @returns their ids, as `send` does; rejects with the first failed entry's error after all have settled
   */
  sendAll(entries: Iterable<Uint8Array | string | BatchEntry>): Promise<readonly (string | undefined)[]>;
  /** Resolves when `heldBytes` is below `maxInFlightBytes`. @throws StreamerError if the push has ended */
  ready(): Promise<void>;
  /** Resolves when all entries sent so far have settled. Failures are reported by each `send`. */
  flush(): Promise<void>;
  /** Sends the waiting entries, however long it takes, then disconnects. `signal` stops it immediately. */
  close(): Promise<void>;
}

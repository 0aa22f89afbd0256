/**
 * Transactional appends over one connection. Entries of streams with loopback leave in transactions, which stay small so
 * that a large entry does not delay others. All other entries leave as plain commands, so that an error in one cannot affect another.
 *
 * If Redis rejects one command while queueing, it discards the whole transaction. A rejection that concerns one stream,
 * such as a missing permission, is remembered, and the stream's entries are sent as plain commands from then on.
 */

import type { GatewayError } from "../../domain/errors.ts";
import { type Entry, isDeduped, type NewEntry, valuesOf } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Done } from "../resp/command-result.ts";
import type { Connection, ConnectionHooks } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { CommandWriter } from "../resp/writer.ts";
import type { Loopback, Watch } from "./loopback.ts";
import { LoopbackSupport } from "./loopback-support.ts";

/** A transaction is sent when its payloads reach this many bytes, or its entries this count. */
const TRANSACTION_BYTES = 64 * 1024;
const TRANSACTION_ENTRIES = 256;

/** Receives the result of an append, like a command's `Done`. @param isKept whether readers keep using the payload's memory */
export type Settle = (error: ReplyError | GatewayError | undefined, reply: Reply, isKept?: boolean) => void;

/** Sends appends. */
export interface AppendConnection {
  append(entry: NewEntry, settle: Settle): void;
}

/** Encodes the command that appends an entry. */
export type EncodeEntry = (entry: NewEntry, out: CommandWriter) => void;

/** Opens the connection that appends are sent over. */
export type OpenSending = (encode: EncodeEntry) => AppendConnection;

interface Transaction {
  readonly entries: NewEntry[];
  readonly settles: Settle[];
  /** Streams that the transaction reads at its end, with their watches. */
  readonly watches: Map<string, Watch>;
  bytes: number;
  /** Errors while queueing, by the entry's index. With any of them Redis discards the transaction. */
  readonly rejected: Map<number, ReplyError>;
  /** The server does not support transactions, so each command runs by itself. */
  isPlain: boolean;
  isSettled: boolean;
}

const ignore: Done = () => undefined;
/** EXECABORT messages that include the reason. */
const BECAUSE = /^EXECABORT .*?because(?: of)?: (.+)$/s;

/** Appends over one connection, with loopback. */
class TransactionalAppends implements AppendConnection {
  readonly #loopback: Loopback;
  readonly #encode: EncodeEntry;
  readonly #connection: Connection;
  readonly #support: LoopbackSupport;
  /** Transaction that is sent at the end of the turn. */
  #current: Transaction | undefined;

  /** @param connect opens the connection */
  constructor(connect: (hooks: ConnectionHooks) => Connection, loopback: Loopback, encode: EncodeEntry) {
    this.#loopback = loopback;
    this.#encode = encode;
    this.#support = new LoopbackSupport(loopback);
    this.#connection = connect({
      onReady: () => this.#onReady(),
      onPush([kind, keys]) {
        if (String(kind) !== "invalidate") return;
        if (Array.isArray(keys)) for (const key of keys) loopback.disturb(String(key));
        else loopback.disturbAll();
      },
      onFlush: () => this.#finish(),
      onLost: () => this.#onLost(),
    });
  }

  append(entry: NewEntry, settle: Settle): void {
    if (isDeduped(entry)) {
      this.#appendDeduped(entry, settle);
      return;
    }
    const { key, data } = entry;
    const mayLoop = this.#support.covers(key) && this.#connection.isReady();
    const watch = mayLoop ? this.#loopback.watchOf(key) : undefined;
    // Keeps the order: entries of this stream may wait for the end of the turn.
    if (watch === undefined && this.#current?.watches.has(key) !== true) {
      this.#plain(entry, settle);
      return;
    }
    this.#current ??= this.#begin();
    const { entries, settles, watches } = this.#current;
    entries.push(entry);
    settles.push(settle);
    this.#current.bytes += data.length + fieldsWeight(entry);
    if (watch !== undefined && !watches.has(key)) watches.set(key, watch);
    if (this.#current.bytes >= TRANSACTION_BYTES || entries.length >= TRANSACTION_ENTRIES) this.#finish();
  }

  #onReady(): void {
    // Without RESP3 there is no tracking tail either, so nothing is watched.
    const isResp3 = this.#connection.protocol() === 3;
    this.#support.opened(isResp3);
    if (isResp3)
      this.#connection.send(["CLIENT", "TRACKING", "ON", "NOLOOP"], (error) => this.#support.needed(error));
  }

  #onLost(): void {
    const unsent = this.#current;
    this.#current = undefined;
    this.#support.lost();
    unsent?.entries.forEach((entry, i) => void this.#plain(entry, unsent.settles[i] ?? ignore));
  }

  #plain(entry: NewEntry, settle: Settle): void {
    this.#connection.sendEncoded((out) => this.#encode(entry, out), settle);
  }

  /** Sends a deduped entry. Its reply does not show whether it is new, so it is never looped back: the tail reads it. */
  #appendDeduped(entry: NewEntry, settle: Settle): void {
    this.#finish();
    this.#plain(entry, (error, reply) => {
      this.#loopback.disturb(entry.key);
      settle(error, reply);
    });
  }

  #begin(): Transaction {
    this.#connection.flushSoon();
    return {
      entries: [],
      settles: [],
      watches: new Map(),
      bytes: 0,
      rejected: new Map(),
      isPlain: false,
      isSettled: false,
    };
  }

  /** Sends the current transaction. */
  #finish(): void {
    const transaction = this.#current;
    if (transaction === undefined) return;
    this.#current = undefined;
    const connection = this.#connection;
    connection.send(["MULTI"], (error) => {
      transaction.isPlain = error instanceof ReplyError;
      this.#support.needed(error);
    });
    transaction.entries.forEach((entry, i) => {
      connection.sendEncoded(
        (out) => this.#encode(entry, out),
        (error, reply) => this.#onQueued(transaction, i, error, reply),
      );
    });
    for (const key of transaction.watches.keys()) {
      connection.send(["XLEN", key], (error) => {
        if (!(error instanceof ReplyError)) return;
        const isApart = this.#support.rejected(error, key);
        // The user may not run XLEN at all, which loopback needs.
        if (!isApart && error.code === "NOPERM") this.#support.needed(error);
      });
    }
    connection.send(["EXEC"], (error, reply) => {
      if (error === undefined && Array.isArray(reply)) this.#settleAll(transaction, reply);
      else this.#fail(transaction, reasonOf(error ?? new ReplyError("Redis replied to EXEC without a list")));
    });
  }

  #onQueued(
    transaction: Transaction,
    index: number,
    error: ReplyError | GatewayError | undefined,
    reply: Reply,
  ): void {
    if (transaction.isPlain) {
      transaction.isSettled = true;
      transaction.settles[index]?.(error, reply);
    } else if (error instanceof ReplyError) {
      transaction.rejected.set(index, error);
      this.#support.rejected(error, transaction.entries[index]?.key ?? "");
    } else if (error !== undefined) {
      // The connection was lost, and the reply to EXEC with it.
      this.#fail(transaction, error);
    }
  }

  #settleAll(transaction: Transaction, replies: readonly Reply[]): void {
    const { entries, settles, watches } = transaction;
    transaction.isSettled = true;
    const stored = new Map<string, Entry[]>();
    entries.forEach(({ key, data, fields }, i) => {
      const reply = replies[i];
      if (!Buffer.isBuffer(reply)) return;
      const id = reply.toString("latin1") as EntryId;
      const own = stored.get(key) ?? [];
      own.push(fields === undefined ? { id, data } : { id, data, fields });
      stored.set(key, own);
    });
    let isKept = false;
    for (const [key, own] of stored) {
      const watch = watches.get(key);
      if (watch === undefined || !this.#support.covers(key)) continue;
      if (this.#loopback.stored(key, watch, own)) isKept = true;
    }
    settles.forEach((settle, i) => {
      const reply = replies[i] ?? null;
      if (reply instanceof ReplyError) settle(reply, null, isKept);
      else settle(undefined, reply, isKept);
    });
  }

  #fail(transaction: Transaction, error: ReplyError | GatewayError): void {
    if (transaction.isSettled) return;
    transaction.isSettled = true;
    // The error of the rejected command is more specific than EXECABORT.
    const [first] = transaction.rejected.values();
    const others = first === undefined ? error : asNeighbour(first);
    if (first === undefined && error instanceof ReplyError && error.code === "NOPERM")
      this.#support.needed(error);
    transaction.settles.forEach((settle, i) => void settle(transaction.rejected.get(i) ?? others, null));
  }
}

/** Weight of each field in a transaction, bytes: many fields cost Redis more time than many bytes. */
const FIELD_BYTES = 64;

/** Weight of an entry's fields in a transaction, bytes. */
function fieldsWeight({ fields }: NewEntry): number {
  let bytes = 0;
  for (const value of fields?.values() ?? [])
    for (const one of valuesOf(value)) bytes += one.length + FIELD_BYTES;
  return bytes;
}

function reasonOf(error: ReplyError | GatewayError): ReplyError | GatewayError {
  const [, reason] = BECAUSE.exec(error.message) ?? [];
  return reason === undefined ? error : new ReplyError(reason);
}

/** Error of the other entries in a discarded transaction. Most rejections are about the server and apply to all. */
const asNeighbour = (error: ReplyError): ReplyError =>
  error.code === "NOPERM"
    ? new ReplyError(`ERR an entry in the same transaction was rejected: ${error.message}`)
    : error;

/** Appends over one connection, with loopback. @param connect opens the connection */
export const loopbackOver =
  (connect: (hooks: ConnectionHooks) => Connection, loopback: Loopback): OpenSending =>
  (encode) =>
    new TransactionalAppends(connect, loopback, encode);

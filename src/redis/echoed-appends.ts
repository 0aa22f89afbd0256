/**
 * The connection that appends go over. Entries of streams that are watched for their echo leave in transactions, of
 * which each stays small enough that a large entry does not wait for others; all else leaves as plain commands.
 */
import type { Entry, NewEntry } from "../domain/entry.ts";
import type { EntryId } from "../domain/entry-id.ts";
import type { GatewayError } from "../domain/errors.ts";
import type { EncodeEntry } from "./appender.ts";
import type { Connection, ConnectionHooks, Done } from "./connection.ts";
import type { Echo } from "./echo.ts";
import { type Reply, ReplyError } from "./resp-reader.ts";

/** A transaction is sent when its payloads come to so many bytes, or its entries to so many. */
const TRANSACTION_BYTES = 64 * 1024;
const TRANSACTION_ENTRIES = 256;

/** Told how an append ended, as a command's `Done`. @param isKept whether readers use the payload's memory from now on */
export type Settle = (error: ReplyError | GatewayError | undefined, reply: Reply, isKept?: boolean) => void;

/** Sends appends. */
export interface EchoedAppends {
  append(entry: NewEntry, settle: Settle): void;
}

interface Transaction {
  readonly entries: NewEntry[];
  readonly settles: Settle[];
  /** Errors at the time of queueing, by the entry's place: with one of them nothing of the transaction is done. */
  readonly refused: Map<number, ReplyError>;
  /** Streams that are watched, which the transaction reads at its end. */
  readonly keys: Set<string>;
  bytes: number;
  queued: number;
  isSettled: boolean;
}

const ignore: Done = () => undefined;

/** Opens the connection. */
export function createEchoedAppends(
  connect: (hooks: ConnectionHooks) => Connection,
  echo: Echo,
  encode: EncodeEntry,
): EchoedAppends {
  let current: Transaction | undefined;

  const connection = connect({
    onReady() {
      // Where a server cannot do this there is no tracking tail either, and so nobody who watches.
      if (connection.protocol() === 3) connection.send(["CLIENT", "TRACKING", "ON", "NOLOOP"], ignore);
    },
    onPush([kind, keys]) {
      if (String(kind) !== "invalidate") return;
      if (Array.isArray(keys)) for (const key of keys) echo.disturb(String(key));
      else echo.disturbAll();
    },
    onFlush: finish,
    onLost() {
      current = undefined;
      echo.disturbAll();
    },
  });

  function begin(): Transaction {
    const transaction: Transaction = {
      entries: [],
      settles: [],
      refused: new Map(),
      keys: new Set(),
      bytes: 0,
      queued: 0,
      isSettled: false,
    };
    connection.send(["MULTI"], ignore);
    current = transaction;
    return transaction;
  }

  function add(transaction: Transaction, entry: NewEntry, settle: Settle, isWatched: boolean): void {
    transaction.entries.push(entry);
    transaction.settles.push(settle);
    if (isWatched) transaction.keys.add(entry.key);
    transaction.bytes += entry.data.length;
    connection.sendEncoded(
      (out) => encode(entry, out),
      (error) => {
        const place = transaction.queued++;
        if (error instanceof ReplyError) transaction.refused.set(place, error);
        // The connection is gone, and with it the answer to come.
        else if (error !== undefined) fail(transaction, error);
      },
    );
    if (transaction.bytes >= TRANSACTION_BYTES || transaction.entries.length >= TRANSACTION_ENTRIES) finish();
  }

  function finish(): void {
    const transaction = current;
    if (transaction === undefined) return;
    current = undefined;
    for (const key of transaction.keys) connection.send(["XLEN", key], ignore);
    connection.send(["EXEC"], (error, reply) => {
      if (error === undefined && Array.isArray(reply)) settleAll(transaction, reply);
      else fail(transaction, error ?? new ReplyError("Redis answered EXEC without a list"));
    });
  }

  function settleAll(transaction: Transaction, replies: readonly Reply[]): void {
    const { entries, settles, keys } = transaction;
    transaction.isSettled = true;
    const stored = new Map<string, Entry[]>();
    entries.forEach(({ key, data, fields }, i) => {
      const reply = replies[i];
      if (!Buffer.isBuffer(reply) || !keys.has(key)) return;
      const id = reply.toString("latin1") as EntryId;
      const own = stored.get(key) ?? [];
      own.push(fields === undefined ? { id, data } : { id, data, fields });
      stored.set(key, own);
    });
    let isKept = false;
    for (const [key, own] of stored) if (echo.stored(key, own)) isKept = true;
    settles.forEach((settle, i) => {
      const reply = replies[i] ?? null;
      if (reply instanceof ReplyError) settle(reply, null, isKept);
      else settle(undefined, reply, isKept);
    });
  }

  function fail(transaction: Transaction, error: ReplyError | GatewayError): void {
    if (transaction.isSettled) return;
    transaction.isSettled = true;
    // EXECABORT says less than what the entry, or one beside it, was refused for.
    const [first = error] = transaction.refused.values();
    transaction.settles.forEach((settle, i) => void settle(transaction.refused.get(i) ?? first, null));
  }

  return {
    append(entry, settle) {
      const isWatched = echo.isWatched(entry.key);
      if (current === undefined && (!isWatched || !connection.isReady())) {
        connection.sendEncoded((out) => encode(entry, out), settle);
        return;
      }
      add(current ?? begin(), entry, settle, isWatched);
    },
  };
}

/**
 * The connection that appends go over. Entries of streams that are watched for their echo leave in transactions, of
 * which each stays small enough that a large entry does not wait for others; all else leaves as plain commands, so
 * that what is wrong with it is nobody else's trouble.
 *
 * A transaction of which one command is refused when it is queued is not carried out at all. Of reasons that hold for
 * one stream, permissions, this is remembered, and the stream's entries leave alone from then on.
 */
import { type Entry, isDeduped, type NewEntry, valuesOf } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { Connection, ConnectionHooks, Done } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { EncodeEntry } from "./appender.ts";
import type { Echo, Watch } from "./loopback.ts";

/** A transaction is sent when its payloads come to so many bytes, or its entries to so many. */
const TRANSACTION_BYTES = 64 * 1024;
const TRANSACTION_ENTRIES = 256;
/** Streams whose entries leave alone; with more than this they are found out anew. */
const MOST_APART = 10_000;

/** Told how an append ended, as a command's `Done`. @param isKept whether readers use the payload's memory from now on */
export type Settle = (error: ReplyError | GatewayError | undefined, reply: Reply, isKept?: boolean) => void;

/** Sends appends. */
export interface EchoedAppends {
  append(entry: NewEntry, settle: Settle): void;
}

interface Transaction {
  readonly entries: NewEntry[];
  readonly settles: Settle[];
  /** The streams of its entries, which it reads at its end, by the watch for whose sake it does. */
  readonly watches: Map<string, Watch>;
  bytes: number;
  /** Errors at the time of queueing, by the entry's place: with one of them nothing of the transaction is done. */
  readonly refused: Map<number, ReplyError>;
  /** The server knows no transactions, so that each of its commands is done by itself. */
  isPlain: boolean;
  isSettled: boolean;
}

const ignore: Done = () => undefined;
/** Redis says what a command was refused for when it refuses the whole at its end. */
const BECAUSE = /^EXECABORT .*?because(?: of)?: (.+)$/s;
/** A refusal for a key and not for a command. */
const OF_A_KEY = /^NOPERM .*\bkeys?\b/s;

/** Opens the connection. */
export function createEchoedAppends(
  connect: (hooks: ConnectionHooks) => Connection,
  echo: Echo,
  encode: EncodeEntry,
): EchoedAppends {
  let current: Transaction | undefined;
  /** Whether the server does all that an echo stands on. */
  let isAble = false;
  const apart = new Set<string>();

  const connection = connect({
    onReady() {
      // Where a server cannot do this there is no tracking tail either, and so nobody who watches.
      isAble = connection.protocol() === 3;
      apart.clear();
      if (isAble) connection.send(["CLIENT", "TRACKING", "ON", "NOLOOP"], ableUnless);
    },
    onPush([kind, keys]) {
      if (String(kind) !== "invalidate") return;
      if (Array.isArray(keys)) for (const key of keys) echo.disturb(String(key));
      else echo.disturbAll();
    },
    onFlush: finish,
    onLost() {
      const unsent = current;
      current = undefined;
      isAble = false;
      echo.disturbAll();
      unsent?.entries.forEach((entry, i) => void plain(entry, unsent.settles[i] ?? ignore));
    },
  });

  function ableUnless(error: Error | undefined): void {
    if (!(error instanceof ReplyError) || !isAble) return;
    isAble = false;
    echo.disturbAll();
  }

  /** What comes of an error is of no concern here but where it is that of one stream, or of the server. */
  function learn(error: ReplyError, key: string): void {
    if (!OF_A_KEY.test(error.message)) return;
    if (apart.size >= MOST_APART) apart.clear();
    apart.add(key);
    // Its own entries are no longer told of.
    echo.disturb(key);
  }

  function plain(entry: NewEntry, settle: Settle): void {
    connection.sendEncoded((out) => encode(entry, out), settle);
  }

  function begin(): Transaction {
    connection.flushSoon();
    return {
      entries: [],
      settles: [],
      watches: new Map(),
      bytes: 0,
      refused: new Map(),
      isPlain: false,
      isSettled: false,
    };
  }

  function finish(): void {
    const transaction = current;
    if (transaction === undefined) return;
    current = undefined;
    connection.send(["MULTI"], (error) => {
      transaction.isPlain = error instanceof ReplyError;
      ableUnless(error);
    });
    transaction.entries.forEach((entry, i) => {
      connection.sendEncoded(
        (out) => encode(entry, out),
        (error, reply) => queued(transaction, i, error, reply),
      );
    });
    for (const key of transaction.watches.keys()) {
      connection.send(["XLEN", key], (error) => {
        if (!(error instanceof ReplyError)) return;
        learn(error, key);
        // Of the command itself, which the echo cannot do without.
        if (!apart.has(key) && error.code === "NOPERM") ableUnless(error);
      });
    }
    connection.send(["EXEC"], (error, reply) => {
      if (error === undefined && Array.isArray(reply)) settleAll(transaction, reply);
      else fail(transaction, reasonOf(error ?? new ReplyError("Redis answered EXEC without a list")));
    });
  }

  function queued(
    transaction: Transaction,
    place: number,
    error: ReplyError | GatewayError | undefined,
    reply: Reply,
  ): void {
    if (transaction.isPlain) {
      transaction.isSettled = true;
      transaction.settles[place]?.(error, reply);
    } else if (error instanceof ReplyError) {
      transaction.refused.set(place, error);
      learn(error, transaction.entries[place]?.key ?? "");
    } else if (error !== undefined) {
      // The connection is gone, and with it the answer to come.
      fail(transaction, error);
    }
  }

  function settleAll(transaction: Transaction, replies: readonly Reply[]): void {
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
      if (watch === undefined || !isAble || apart.has(key)) continue;
      if (echo.stored(key, watch, own)) isKept = true;
    }
    settles.forEach((settle, i) => {
      const reply = replies[i] ?? null;
      if (reply instanceof ReplyError) settle(reply, null, isKept);
      else settle(undefined, reply, isKept);
    });
  }

  function fail(transaction: Transaction, error: ReplyError | GatewayError): void {
    if (transaction.isSettled) return;
    transaction.isSettled = true;
    // EXECABORT itself says less than what it comes from.
    const [first] = transaction.refused.values();
    const others = first === undefined ? error : asNeighbour(first);
    if (first === undefined && error instanceof ReplyError && error.code === "NOPERM") ableUnless(error);
    transaction.settles.forEach((settle, i) => void settle(transaction.refused.get(i) ?? others, null));
  }

  /** Whether it was stored now or long ago is not known here: never within what is echoed, and whoever reads reads on. */
  function appendDeduped(entry: NewEntry, settle: Settle): void {
    finish();
    plain(entry, (error, reply) => {
      echo.disturb(entry.key);
      settle(error, reply);
    });
  }

  return {
    append(entry, settle) {
      if (isDeduped(entry)) {
        appendDeduped(entry, settle);
        return;
      }
      const { key, data } = entry;
      const watch = isAble && connection.isReady() && !apart.has(key) ? echo.watchOf(key) : undefined;
      // Behind those of its stream that wait for the end of the turn.
      if (watch === undefined && current?.watches.has(key) !== true) {
        plain(entry, settle);
        return;
      }
      current ??= begin();
      current.entries.push(entry);
      current.settles.push(settle);
      current.bytes += data.length + fieldsWeight(entry);
      if (watch !== undefined && !current.watches.has(key)) current.watches.set(key, watch);
      if (current.bytes >= TRANSACTION_BYTES || current.entries.length >= TRANSACTION_ENTRIES) finish();
    },
  };
}

/** What a transaction counts for each field of an entry, in bytes: Redis needs longer for many fields than for many bytes. */
const FIELD_BYTES = 64;

/** What the fields of an entry add to a transaction, in bytes. */
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

/** What an entry is told that was refused for another one's sake. Most reasons are the server's, and hold for all. */
const asNeighbour = (error: ReplyError): ReplyError =>
  error.code === "NOPERM"
    ? new ReplyError(`ERR it was sent together with an entry that was refused: ${error.message}`)
    : error;

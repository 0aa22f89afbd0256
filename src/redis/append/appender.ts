/**
 * Appends entries, `XADD key MAXLEN ~ n id d payload`. The hot path of everything that comes in: what the commands
 * of one stream have in common is encoded once and copied, and what has live readers here is appended in transactions
 * that let it be echoed to them (`echo.ts`).
 */

import { fieldArguments, isDeduped, type NewEntry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Counters } from "../../observe/counters.ts";
import type { StreamClasses } from "../../observe/stream-classes.ts";
import { refusalOf } from "../reply-errors.ts";
import { type Connection, type ConnectionHooks, ReplyLostError } from "../resp/connection.ts";
import type { Reply } from "../resp/reader.ts";
import type { CommandWriter } from "../resp/writer.ts";
import { dedupedCommand } from "./dedupe.ts";
import type { Echo } from "./loopback.ts";
import { fixedRetention, type Retention } from "./retention.ts";
import { createEchoedAppends, type EchoedAppends } from "./transactions.ts";

/** The id of a stored entry, or why it is not (or not surely) stored. */
export type AppendResult = EntryId | GatewayError;

/**
 * Called once with one result per entry, in order. @param isKept whether somebody still uses the payloads' memory:
 * live readers may have been handed them as they are
 */
export type AppendDone = (results: readonly AppendResult[], isKept: boolean) => void;

/** Appends a batch. */
export type Append = (entries: readonly NewEntry[], done: AppendDone) => void;

/** Opens what appends are sent by. */
export type OpenSending = (encode: EncodeEntry) => EchoedAppends;

/** Appends over one connection, with an echo. @param connect opens the connection */
export const echoingOver =
  (connect: (hooks: ConnectionHooks) => Connection, echo: Echo): OpenSending =>
  (encode) =>
    createEchoedAppends(connect, echo, encode);

/** What an appender needs. */
export interface AppenderParts {
  readonly openSending: OpenSending;
  /** Entries that a stream keeps, about; 0 keeps all. Without `retention` it holds for every stream. */
  readonly streamMaxLength: number;
  readonly retention?: Retention;
  /** An entry of a stream is stored; told before it is acknowledged. */
  readonly onStored?: (key: string) => void;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
}

/** Makes the function that appends a batch. */
export function createAppender(parts: AppenderParts): Append {
  const { openSending, streamMaxLength, onStored, counters, streamClasses } = parts;
  const retention = parts.retention ?? fixedRetention(streamMaxLength);
  const sending = openSending(createEntryEncoder(retention));

  function resultOf(entry: NewEntry, error: Error | undefined, reply: Reply): AppendResult {
    const bytes = entry.data.length;
    retention.settled(entry.key);
    counters.appendsInFlight--;
    counters.appendBytesInFlight -= bytes;
    if (error === undefined && Buffer.isBuffer(reply)) {
      const counts = streamClasses.of(entry.key);
      counts.entriesIn++;
      counts.bytesIn += bytes;
      onStored?.(entry.key);
      return reply.toString("latin1") as EntryId;
    }
    if (error instanceof ReplyLostError) {
      counters.entriesUnknown++;
      return new GatewayError(
        "APPEND_UNKNOWN",
        "the connection to Redis was lost before it answered; the entry may or may not be stored",
      );
    }
    counters.entriesRejected++;
    return refusalOf(error ?? new Error("Redis answered XADD without an id"));
  }

  return function append(entries, done) {
    const results: AppendResult[] = new Array(entries.length);
    let missing = entries.length;
    let isKept = false;
    if (missing === 0) done(results, false);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry === undefined) continue;
      counters.appendsInFlight++;
      counters.appendBytesInFlight += entry.data.length;
      sending.append(entry, (error, reply, isInUse = false) => {
        results[i] = resultOf(entry, error, reply);
        isKept ||= isInUse;
        if (--missing === 0) done(results, isKept);
      });
    }
  };
}

/** Writes the command that appends an entry. */
export type EncodeEntry = (entry: NewEntry, out: CommandWriter) => void;

function createEntryEncoder(retention: Retention): EncodeEntry {
  return (entry, out) => {
    const kept = retention.of(entry.key, entry.data.length);
    if (isDeduped(entry)) {
      out.command(dedupedCommand(entry, kept.trim));
      return;
    }
    if (entry.id === "*" && entry.fields === undefined) {
      kept.beginning ??= beginningOf(entry.key, kept.trim);
      out.encoded(kept.beginning);
      out.argument(entry.data);
      return;
    }
    out.command([
      ...["XADD", entry.key, ...kept.trim, entry.id, "d"],
      entry.data,
      ...fieldArguments(entry.fields),
    ]);
  };
}

/** Encodes the beginning of a plain XADD to a stream: all but the payload, with `*` for the id. */
function beginningOf(key: string, trim: readonly string[]): Uint8Array {
  const args = ["XADD", key, ...trim, "*", "d"];
  const text = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("");
  return Buffer.from(`*${args.length + 1}\r\n${text}`);
}

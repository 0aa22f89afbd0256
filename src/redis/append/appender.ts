/**
 * Appender: writes entries with `XADD key MAXLEN ~ n id d payload`. This is the hot path of all incoming data. The prefix
 * that all commands of a stream share is encoded once and copied. Entries of streams with live readers are appended in
 * transactions, so that they can be looped back to those readers (`loopback.ts`).
 */

import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { fieldArguments, isDeduped, type NewEntry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import { faultOf } from "../../observe/faults.ts";
import type { StreamClasses } from "../../observe/stream-classes.ts";
import { gatewayErrorOf } from "../reply-errors.ts";
import { ReplyLostError } from "../resp/command-result.ts";
import type { Reply } from "../resp/reader.ts";
import { dedupedCommand } from "./dedupe.ts";
import { fixedRetention, type Retention } from "./retention.ts";
import type { EncodeEntry, OpenSending } from "./transactions.ts";

/** Id of a stored entry, or the error if it is not (or possibly not) stored. */
export type AppendResult = EntryId | GatewayError;

/**
 * Called once with one result per entry, in order. @param isKept whether the payloads' memory is still in use, because
 * live readers received them without a copy. An exception is counted and logged: the caller ends the writer
 */
export type AppendDone = (results: readonly AppendResult[], isKept: boolean) => void;

/**
 * Stores entries in order. `done` receives one result per entry, in order: its id or an error. Entries of one event-loop turn,
 * from all clients, are sent to Redis in one write, over a connection of their own, so that reads of history do not delay them.
 */
export type Append = (entries: readonly NewEntry[], done: AppendDone) => void;

/** Options of `createAppender`. */
export interface AppenderParts {
  readonly openSending: OpenSending;
  /** Approximate number of entries kept per stream; 0 keeps all. Without `retention` it applies to every stream. */
  readonly streamMaxLength: number;
  readonly retention?: Retention;
  /** Called when an entry is stored, before it is acknowledged. @param bytes size of its payload */
  readonly onStored?: (key: string, bytes: number) => void;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly streamClasses: StreamClasses;
}

/** Creates the function that appends a batch. */
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
      onStored?.(entry.key, bytes);
      return reply.toString("latin1") as EntryId;
    }
    if (error instanceof ReplyLostError) {
      counters.entriesUnknown++;
      return new GatewayError(
        "APPEND_UNKNOWN",
        "the connection to Redis was lost before it replied; the entry may or may not be stored",
      );
    }
    counters.entriesRejected++;
    return gatewayErrorOf(error ?? new Error("Redis replied to XADD without an id"));
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
        if (--missing > 0) return;
        try {
          done(results, isKept);
        } catch (exception) {
          // The results of other writers follow, in the same transaction and the same chunk of replies.
          faultOf(exception, "writer", parts);
        }
      });
    }
  };
}

function createEntryEncoder(retention: Retention): EncodeEntry {
  return (entry, out) => {
    const kept = retention.of(entry.key, entry.data.length);
    if (isDeduped(entry)) {
      out.command(dedupedCommand(entry, kept.trim));
      return;
    }
    if (entry.id === "*" && entry.fields === undefined) {
      kept.prefix ??= prefixOf(entry.key, kept.trim);
      out.encoded(kept.prefix);
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

/** Encodes the prefix of a plain XADD: everything but the payload, with `*` as the id. */
function prefixOf(key: string, trim: readonly string[]): Uint8Array {
  const args = ["XADD", key, ...trim, "*", "d"];
  const text = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("");
  return Buffer.from(`*${args.length + 1}\r\n${text}`);
}

/**
 * Appends entries, `XADD key MAXLEN ~ n id d payload`. The hot path of everything that comes in: what the commands
 * of one stream have in common is encoded once and copied.
 */

import type { NewEntry } from "../domain/entry.ts";
import type { EntryId } from "../domain/entry-id.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Tally } from "../domain/tally.ts";
import type { CommandWriter } from "./command-writer.ts";
import { type Connection, ReplyLostError } from "./connection.ts";
import { refusalOf } from "./refusal.ts";

/** The id of a stored entry, or why it is not (or not surely) stored. */
export type AppendResult = EntryId | GatewayError;

/** Streams whose command beginnings are kept; a gateway of more than this encodes them anew. */
const MOST_BEGINNINGS = 10_000;

/** What an appender needs. */
export interface AppenderParts {
  readonly connection: Connection;
  readonly streamMaxLength: number;
  readonly tally: Tally;
}

/** Makes the function that appends a batch: one result per entry, in order, in one call of `done`. */
export function createAppender({ connection, streamMaxLength, tally }: AppenderParts) {
  const trim = streamMaxLength > 0 ? ["MAXLEN", "~", String(streamMaxLength)] : [];
  /** The encoded beginning of a plain XADD to a stream: all but the payload, with `*` for the id. */
  const beginnings = new Map<string, Uint8Array>();

  function beginningOf(key: string): Uint8Array {
    const known = beginnings.get(key);
    if (known !== undefined) return known;
    const args = ["XADD", key, ...trim, "*", "d"];
    const text = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("");
    const beginning = Buffer.from(`*${args.length + 1}\r\n${text}`);
    if (beginnings.size >= MOST_BEGINNINGS) beginnings.clear();
    beginnings.set(key, beginning);
    return beginning;
  }

  function encode(entry: NewEntry, out: CommandWriter): void {
    if (entry.id === "*" && entry.fields === undefined) {
      out.encoded(beginningOf(entry.key));
      out.argument(entry.data);
      return;
    }
    const fields = [...(entry.fields ?? [])].flat();
    out.command(["XADD", entry.key, ...trim, entry.id, "d", entry.data, ...fields]);
  }

  return function append(
    entries: readonly NewEntry[],
    done: (results: readonly AppendResult[]) => void,
  ): void {
    const results: AppendResult[] = new Array(entries.length);
    let missing = entries.length;
    if (missing === 0) done(results);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry === undefined) continue;
      const bytes = entry.data.length;
      tally.appendsInFlight++;
      tally.appendBytesInFlight += bytes;
      connection.sendEncoded(
        (out) => encode(entry, out),
        (error, reply) => {
          tally.appendsInFlight--;
          tally.appendBytesInFlight -= bytes;
          results[i] = error === undefined && Buffer.isBuffer(reply) ? stored(reply, bytes) : failed(error);
          if (--missing === 0) done(results);
        },
      );
    }
  };

  function stored(id: Buffer, bytes: number): EntryId {
    tally.entriesIn++;
    tally.bytesIn += bytes;
    return id.toString("latin1") as EntryId;
  }

  function failed(error: Error | undefined): GatewayError {
    if (error instanceof ReplyLostError) {
      tally.entriesUnknown++;
      return new GatewayError(
        "APPEND_UNKNOWN",
        "the connection to Redis was lost before it answered; the entry may or may not be stored",
      );
    }
    tally.entriesRefused++;
    return refusalOf(error ?? new Error("Redis answered XADD without an id"));
  }
}

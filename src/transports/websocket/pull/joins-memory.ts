/** Memory of the first message of a pull with `joins=1`: the streams of a pattern, whose names can be megabytes. */

import type { Visitor } from "../../../access/admission.ts";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { OpenStreams } from "../../request/pattern-streams.ts";
import type { DataParts } from "../parts.ts";

/** Messages below this size (bytes) are sent without a reservation. */
const SMALL_BYTES = 64 * 1024;
/** Bytes of a character of a name at most: a control character in JSON. */
const CHARACTER_BYTES = 6;
/** Bytes of a stream besides its name: its cursor and marks. */
const ITEM_BYTES = 48;
/** The message as text, and as bytes. */
const COPIES = 2;

/**
 * Opens the reservation for encoding the message. Call `grow` of the result, and release it when the message is written: then
 * the connection counts the bytes that the client has not read.
 *
 * @returns undefined if the message is small
 */
export function openJoinsMemory(
  { streams, pattern }: OpenStreams,
  visitor: Visitor,
  { access }: DataParts,
): { readonly lease: MemoryLease; readonly bytes: number } | undefined {
  if (pattern === undefined) return undefined;
  let bytes = 0;
  for (const { name } of streams) bytes += CHARACTER_BYTES * name.length + ITEM_BYTES;
  return bytes < SMALL_BYTES
    ? undefined
    : { lease: access.memory.answer("answer", visitor), bytes: COPIES * bytes };
}

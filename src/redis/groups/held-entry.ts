/** Entries that a consumer holds: as arguments of commands, and in replies. */
import type { GatewayError } from "../../domain/errors.ts";
import { compareIds, type EntryId } from "../../domain/streams/entry-id.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/** An entry as a consumer holds it: its id, and the delivery count with which it received it; undefined matches any. */
export interface HeldEntry {
  readonly id: EntryId;
  readonly n: number | undefined;
}

/** Entries that a consumer could not settle. */
export interface Settled {
  /** Entries that no longer belong to the consumer. */
  readonly late: readonly EntryId[];
  /** Entries that were trimmed or deleted. */
  readonly lost: readonly EntryId[];
}

/** Receives the result of settling, or the error because of which it is unknown. */
export type OnSettled = (result: Settled | GatewayError) => void;

/** Stream of the dead letters of a group. */
export interface DeadLetters {
  /** Key of the dead-letter stream. */
  readonly deadLetter: string;
  readonly deletesAcked: boolean;
}

const NONE: readonly EntryId[] = [];

/** Result of a command for which the group does not exist any more. */
export const allLate = (entries: readonly HeldEntry[]): Settled => ({
  late: entries.map(({ id }) => id),
  lost: NONE,
});

/** Reads a reply of `[late, lost]`. */
export const settledOf = (late: Reply | undefined, lost?: Reply): Settled => ({
  late: idsOf(late),
  lost: idsOf(lost),
});

/** Appends id and count of each entry to the arguments of a script, in the order of the ids. */
export function addHeld(args: Argument[], entries: readonly HeldEntry[]): void {
  for (const { id, n } of inOrder(entries)) args.push(id, n ?? "");
}

/** Returns the entries in the order of their ids. */
export function inOrder(entries: readonly HeldEntry[]): readonly HeldEntry[] {
  let last: EntryId | undefined;
  for (const { id } of entries) {
    if (last !== undefined && compareIds(last, id) > 0)
      return entries.toSorted((a, b) => compareIds(a.id, b.id));
    last = id;
  }
  return entries;
}

/** Returns a reply as a list. */
export const listOf = (reply: Reply | undefined): readonly Reply[] => (Array.isArray(reply) ? reply : []);

/** Returns the ids of a reply. */
export function idsOf(reply: Reply | undefined): readonly EntryId[] {
  const list = listOf(reply);
  return list.length === 0 ? NONE : list.map((id) => String(id) as EntryId);
}

/**
 * Facts about a stream that show whether a read continues the previous one: its length, first id, number of entries ever
 * added, greatest deleted id, and a sample of the entry at the reader's position. Two commands report them:
 *
 * - A script, which returns only these facts. Redis copies the payloads of the first, the last and that entry into Lua,
 *   which takes about 0.1 ms per 100 KB.
 * - `XINFO STREAM … FULL COUNT 1`, whose reply includes the payload of the first entry. That is cheaper for large entries.
 */
import type { Entry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import { entriesOf } from "../read/entry-decoder.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/** State of a stream. */
export interface StreamFacts {
  readonly exists: boolean;
  readonly length: number;
  /** Undefined in an empty stream. */
  readonly first: EntryId | undefined;
  readonly lastGenerated: EntryId | undefined;
  /** Entries added since the stream was created; undefined before Redis 7.0. */
  readonly added: number | undefined;
  /** Greatest id that was deleted from the middle or the end; undefined before Redis 7.0. Trimming does not change it. */
  readonly maxDeleted: EntryId | undefined;
  /** Whether the entry at the position exists; undefined if unknown. */
  readonly hasPosition: boolean | undefined;
  /** Sample of the payload at the position; undefined if unknown, or if the entry has fields other than `d`. */
  readonly mark: string | undefined;
  /** `detailsCommand` may be used next: the user may run it, and no consumer groups lengthen its reply. */
  readonly mayUseDetails: boolean;
}

/** Bytes sampled at each end of a payload. */
const MARK_BYTES = 128;

/** Function of a script that returns the mark of an entry with these fields, as `markOf` below does; false for none. */
export const LUA_MARK_OF = `local function markOf(fields)
  if #fields ~= 2 or fields[1] ~= 'd' then return false end
  local data = fields[2]
  return #data .. ':' .. string.sub(data, 1, ${MARK_BYTES}) .. string.sub(data, -${MARK_BYTES})
end`;

/** KEYS: the stream. ARGV: the position. */
const FACTS = `${LUA_MARK_OF}
local length = redis.call('XLEN', KEYS[1])
local at = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
local out = {length, 0, at and markOf(at[2]) or false, '', '', -1, 0, at and 1 or 0, ''}
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then
  out[7] = (string.find(info.err, 'no such key', 1, true) or length == 0) and 0 or 1
  return out
end
out[7] = 1
for i = 1, #info, 2 do
  local name, value = info[i], info[i + 1]
  if name == 'entries-added' then out[6] = value
  elseif name == 'last-generated-id' then out[5] = value
  elseif name == 'max-deleted-entry-id' then out[9] = value
  elseif name == 'groups' then out[2] = value
  elseif name == 'first-entry' and value then out[4] = value[1] end
end
return out`;

/** The script, as a command. */
export const factsCommand = (key: string, position: EntryId): readonly Argument[] => [
  "EVAL",
  FACTS,
  1,
  key,
  position,
];

/** The command for streams of large entries. It fails the whole transaction if the user may not run it. */
export const detailsCommand = (key: string): readonly Argument[] => [
  "XINFO",
  "STREAM",
  key,
  "FULL",
  "COUNT",
  1,
];

/** Parses the script's reply. @returns undefined if the script failed */
export function factsOf(reply: Reply): StreamFacts | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [length, groups, mark, first, last, added, exists, hasPosition, maxDeleted] = reply;
  if (typeof length !== "number" || typeof added !== "number") return undefined;
  const lastGenerated = idOf(last);
  return {
    exists: exists === 1,
    length,
    first: idOf(first),
    lastGenerated,
    added: added < 0 ? undefined : added,
    maxDeleted: idOf(maxDeleted),
    hasPosition: hasPosition === 1,
    mark: Buffer.isBuffer(mark) ? mark.toString("latin1") : undefined,
    mayUseDetails: lastGenerated !== undefined && groups === 0,
  };
}

/** Parses the reply to `detailsCommand`. @returns undefined if the server does not support it */
export function factsOfDetails(reply: Reply, position: EntryId): StreamFacts | undefined {
  if (reply instanceof ReplyError && /no such key/i.test(reply.message)) return NO_STREAM;
  if (!Array.isArray(reply)) return undefined;
  const values = new Map<string, Reply>();
  for (let i = 0; i + 1 < reply.length; i += 2) values.set(String(reply[i]), reply[i + 1] ?? null);
  const length = values.get("length");
  const added = values.get("entries-added");
  const groups = values.get("groups");
  if (typeof length !== "number") return undefined;
  const [first] = entriesOf(values.get("entries") ?? null);
  return {
    exists: true,
    length,
    first: first?.id,
    lastGenerated: idOf(values.get("last-generated-id")),
    added: typeof added === "number" ? added : undefined,
    maxDeleted: idOf(values.get("max-deleted-entry-id")),
    // Only the first entry is known.
    hasPosition: first?.id === position ? true : undefined,
    mark: first?.id === position ? markOf(first) : undefined,
    mayUseDetails: Array.isArray(groups) && groups.length === 0,
  };
}

const NO_STREAM: StreamFacts = {
  exists: false,
  length: 0,
  first: undefined,
  lastGenerated: undefined,
  added: undefined,
  maxDeleted: undefined,
  hasPosition: false,
  mark: undefined,
  mayUseDetails: true,
};

const idOf = (id: Reply | undefined): EntryId | undefined =>
  id == null || String(id) === "" ? undefined : (String(id) as EntryId);

/** Sample of an entry's payload, in the same format as the script's. */
export function markOf({ data, fields }: Entry): string | undefined {
  if (fields !== undefined) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  const head = bytes.toString("latin1", 0, MARK_BYTES);
  return `${data.length}:${head}${bytes.toString("latin1", Math.max(0, data.length - MARK_BYTES))}`;
}

/**
 * What Redis says of a stream (`XINFO STREAM`), at the price that is needed: the reply holds the first and the last
 * entry, which for a thousand cameras is hundreds of megabytes, so they come along only for whoever wants to see them.
 */
import type { Entry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import { entriesOf } from "../read/entry-decoder.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/** How much is asked: only the length, all but payloads, or all. */
export type DetailDepth = "length" | "facts" | "payloads";

/** What Redis keeps of a stream. Where the server is too old to know a number it is 0, or an id empty. */
export interface StreamDetails {
  readonly length: number;
  readonly entriesAdded: number;
  readonly groups: number;
  readonly radixTreeKeys: number;
  readonly radixTreeNodes: number;
  readonly lastGeneratedId: string;
  readonly maxDeletedEntryId: string;
  readonly recordedFirstEntryId: string;
  /** Absent in an empty stream. */
  readonly first?: EdgeEntry;
  readonly last?: EdgeEntry;
  /** Empty, or Redis' words: `no such key`. */
  readonly error: string;
}

/** The first or last entry. */
export interface EdgeEntry {
  readonly id: EntryId;
  /** Only where payloads of its size were asked for. */
  readonly entry?: Entry;
  /** The bytes of an entry that is left out. */
  readonly leftOut?: number;
}

const NOTHING: StreamDetails = {
  length: 0,
  entriesAdded: 0,
  groups: 0,
  radixTreeKeys: 0,
  radixTreeNodes: 0,
  lastGeneratedId: "",
  maxDeletedEntryId: "",
  recordedFirstEntryId: "",
  error: "",
};

/** XINFO STREAM with a first and last entry of more bytes than that cut down, on the server, to its id and size. */
const WITHOUT_LARGE_ENTRIES = `local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then return info end
for i = 1, #info, 2 do
  local entry = info[i + 1]
  if (info[i] == 'first-entry' or info[i] == 'last-entry') and entry then
    local bytes = 0
    for _, value in ipairs(entry[2]) do bytes = bytes + #value end
    if bytes > tonumber(ARGV[1]) then info[i + 1] = {entry[1], bytes} end
  end
end
return info`;

/** The command that asks for a stream's details. @param mostBytes of an entry that comes with its payload */
export function detailsCommand(key: string, depth: DetailDepth, mostBytes?: number): readonly Argument[] {
  switch (depth) {
    case "length":
      return ["XLEN", key];
    case "facts":
      return ["EVAL", WITHOUT_LARGE_ENTRIES, 1, key, -1];
    case "payloads":
      return mostBytes === undefined
        ? ["XINFO", "STREAM", key]
        : ["EVAL", WITHOUT_LARGE_ENTRIES, 1, key, mostBytes];
    default:
      return depth satisfies never;
  }
}

/** Reads the answer to `detailsCommand`. An error of Redis' about this one stream becomes its `error`. */
export function detailsOf(reply: Reply): StreamDetails {
  if (reply instanceof ReplyError) return { ...NOTHING, error: wordsOf(reply) };
  if (typeof reply === "number") return { ...NOTHING, length: reply };
  const pairs = Array.isArray(reply) ? reply : [];
  const fields = new Map<string, Reply>();
  for (let i = 0; i + 1 < pairs.length; i += 2) fields.set(String(pairs[i]), pairs[i + 1] ?? null);
  const number = (name: string) => Number(fields.get(name) ?? 0);
  const text = (name: string) => String(fields.get(name) ?? "");
  const first = edgeOf(fields.get("first-entry") ?? null);
  const last = edgeOf(fields.get("last-entry") ?? null);
  return {
    length: number("length"),
    entriesAdded: number("entries-added"),
    groups: number("groups"),
    radixTreeKeys: number("radix-tree-keys"),
    radixTreeNodes: number("radix-tree-nodes"),
    lastGeneratedId: text("last-generated-id"),
    maxDeletedEntryId: text("max-deleted-entry-id"),
    recordedFirstEntryId: text("recorded-first-entry-id"),
    ...(first && { first }),
    ...(last && { last }),
    error: "",
  };
}

/** An entry, or its id and size. */
function edgeOf(reply: Reply): EdgeEntry | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [id, size] = reply;
  if (Buffer.isBuffer(id) && typeof size === "number")
    return { id: id.toString("latin1") as EntryId, leftOut: size };
  const [entry] = entriesOf(reply.length > 0 ? [reply] : null);
  return entry && { id: entry.id, entry };
}

/** Redis' words without the general code, which says nothing. */
function wordsOf(error: ReplyError): string {
  // What a script passes on ends, in some versions, with where in the script it was.
  return error.message.replace(/^ERR /, "").replace(/ script: [0-9a-f]{40}.*$/, "");
}

/**
 * Stream details (`XINFO STREAM`). The reply contains the first and the last entry, which for a thousand cameras are
 * hundreds of megabytes, so these are transferred only on request.
 */
import type { GatewayError } from "../../../domain/errors.ts";
import type { Entry } from "../../../domain/streams/entry.ts";
import type { EntryId } from "../../../domain/streams/entry-id.ts";
import { entriesOf } from "../../read/entry-decoder.ts";
import { gatewayErrorOf } from "../../reply-errors.ts";
import { type Reply, ReplyError } from "../../resp/reader.ts";
import type { Argument } from "../../resp/writer.ts";

/** Size (bytes) from which payloads are not copied in a script, nor kept where only their length is needed. */
export const LARGE_PAYLOAD_BYTES = 1024 * 1024;

/** Requested level of detail: only the length, everything but payloads, or everything. */
export type DetailDepth = "length" | "facts" | "payloads";

/** Details of a stream. A value that the server is too old to report is 0, or an empty id. */
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
  /** Empty, or the message of Redis, such as `no such key`. */
  readonly error: string;
}

/** The first or last entry. */
export interface EdgeEntry {
  readonly id: EntryId;
  /** Size in bytes, including field names. */
  readonly bytes: number;
  /** Present if payloads of its size were requested. */
  readonly entry?: Entry;
}

/** Matches the error of a stream that does not exist. */
export const NO_STREAM = /no such key/i;

/** Returns why the details of a stream could not be read; undefined also for a stream that does not exist. */
export const readErrorOf = ({ error }: StreamDetails): GatewayError | undefined =>
  error === "" || NO_STREAM.test(error) ? undefined : gatewayErrorOf(new ReplyError(error));

/** Details of a stream of which nothing is known. */
export const NO_DETAILS: StreamDetails = detailsWith(0, "");

/** Details of a stream of which only the length is known, or why nothing is known. */
function detailsWith(length: number, error: string): StreamDetails {
  return {
    length,
    entriesAdded: 0,
    groups: 0,
    radixTreeKeys: 0,
    radixTreeNodes: 0,
    lastGeneratedId: "",
    maxDeletedEntryId: "",
    recordedFirstEntryId: "",
    error,
  };
}

/**
 * XINFO STREAM in which, on the server, larger first and last entries are replaced by their id and size. Lua copies each of
 * them three times, so that two entries of 60 MB would take 0.3 s. If entries are larger than ARGV[2] in the mean, by the
 * size of the first node of the stream, the script only returns that size.
 */
const WITHOUT_LARGE_ENTRIES = `local used = redis.pcall('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 1)
if type(used) == 'number' and used > tonumber(ARGV[2]) then
  local length = redis.pcall('XLEN', KEYS[1])
  if type(length) == 'number' and length > 0 and used / length > tonumber(ARGV[2]) then return used end
end
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
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

/** Returns the command that requests details. @param maxBytes maximum size of an entry that includes its payload */
export function detailsCommand(key: string, depth: DetailDepth, maxBytes?: number): readonly Argument[] {
  switch (depth) {
    case "length":
      return ["XLEN", key];
    case "facts":
      return ["EVAL", WITHOUT_LARGE_ENTRIES, 1, key, -1, LARGE_PAYLOAD_BYTES];
    case "payloads":
      return maxBytes === undefined
        ? ["XINFO", "STREAM", key]
        : ["EVAL", WITHOUT_LARGE_ENTRIES, 1, key, maxBytes, LARGE_PAYLOAD_BYTES];
    default:
      return depth satisfies never;
  }
}

/** Whether the reply to `detailsCommand` only shows that the entries are large: `reportedDetailsCommand` then reads the details. */
export const areEntriesLarge = (reply: Reply, depth: DetailDepth): boolean =>
  depth !== "length" && typeof reply === "number";

/** Returns the command for streams of large entries. Its reply contains their payloads, which the connection has to omit. */
export const reportedDetailsCommand = (key: string): readonly Argument[] => ["XINFO", "STREAM", key];

/** Parses the reply to `detailsCommand`. An error reply about this stream becomes its `error`. */
export function detailsOf(reply: Reply): StreamDetails {
  if (reply instanceof ReplyError) return detailsWith(0, wordsOf(reply));
  if (typeof reply === "number") return detailsWith(reply, "");
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

/** Omits payloads over a size. */
export function withoutLargePayloads(details: StreamDetails, maxBytes = Number.MAX_VALUE): StreamDetails {
  const { first, last } = details;
  const limited = ({ id, bytes, entry }: EdgeEntry): EdgeEntry =>
    entry === undefined || bytes > maxBytes ? { id, bytes } : { id, bytes, entry };
  return { ...details, ...(first && { first: limited(first) }), ...(last && { last: limited(last) }) };
}

/** Parses an entry, or its id and size. */
export function edgeOf(reply: Reply): EdgeEntry | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [id, fields] = reply;
  if (Buffer.isBuffer(id) && typeof fields === "number")
    return { id: id.toString("latin1") as EntryId, bytes: fields };
  if (Buffer.isBuffer(id) && Array.isArray(fields) && fields.some((part) => typeof part === "number"))
    return { id: id.toString("latin1") as EntryId, bytes: bytesOfFields(fields) };
  const [entry] = entriesOf(reply.length > 0 ? [reply] : null);
  return entry && { id: entry.id, bytes: bytesOfFields(fields ?? null), entry };
}

/** Size of an entry's field names and values, which is what the script counts. */
const bytesOfFields = (fields: Reply): number =>
  Array.isArray(fields) ? fields.reduce<number>((sum, part) => sum + lengthOf(part), 0) : 0;

/** Length of a value, which is a number if the value was omitted. */
const lengthOf = (part: Reply): number =>
  Buffer.isBuffer(part) ? part.length : typeof part === "number" ? part : 0;

/** Message of an error reply without the generic code. */
function wordsOf(error: ReplyError): string {
  // Some versions append the position in the script to an error that a script returns.
  return error.message.replace(/^ERR /, "").replace(/ script: [0-9a-f]{40}.*$/, "");
}

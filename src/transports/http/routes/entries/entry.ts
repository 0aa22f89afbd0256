/**
 * `GET /data/{stream_id}/entries/{entry_id}`: one payload as it is, with its content type (docs/protocol.md, "One entry").
 * A payload is data of a client, so a browser must never execute it on the gateway's origin.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { accountName } from "../../../../access/limits/limits.ts";
import { guessType } from "../../../../domain/content/detection.ts";
import { isExecutable, isInline, parseMediaType } from "../../../../domain/content/media-type.ts";
import { badParameter, GatewayError } from "../../../../domain/errors.ts";
import { parseTime } from "../../../../domain/streams/cursor.ts";
import { type Entry, valuesOf } from "../../../../domain/streams/entry.ts";
import { FIRST_ID, LAST_ID, parseId } from "../../../../domain/streams/entry-id.ts";
import { unreadReason } from "../../../../domain/streams/metadata-size.ts";
import type { RangeOptions } from "../../../../redis/read/stream-reader.ts";
import { type StoredValue, UnreadValue } from "../../../../redis/registry/stored-values.ts";
import { RAW_TYPE } from "../../../../wire/formats.ts";
import { lossyTextOf } from "../../../../wire/utf8.ts";
import { declarationOf } from "../../../request/append/declarations.ts";
import { readNamedStreams } from "../../../request/streams.ts";
import { warn, warnOfTimes } from "../../../request/warning-headers.ts";
import { countOut } from "../../../response/entries-sent.ts";
import { memoryOf } from "../../../response/memory/response-memory.ts";
import { requestedRange } from "../../../response/requested-range.ts";
import { ALSO_HEAD, type RouteParts, targetOf } from "../../route.ts";

/**
 * An entry with a concrete id does not change. `private`, because a shared cache does not check permissions.
 */
const IMMUTABLE = "private, max-age=31536000, immutable";
/** The first and the last entry change: caches must compare the entity tag. */
const REVALIDATED = "private, no-cache";

/** Policy of a payload that is opened as a page. Types that a browser could execute are downloads; the policy is a second barrier. */
const PAYLOAD_POLICY =
  "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";

/** Memory of metadata while its content type is read: its bytes, its text, and its values. */
const META_COPIES = 3;

/** Field of an entry that overrides the content type of its stream. */
const TYPE_FIELD = "content-type";

/** Adds the route. */
export function addEntry(app: FastifyInstance, parts: RouteParts): void {
  const {
    streams: { streamReader, registry },
    access: { memory },
    observe: { streamClasses },
    config,
  } = parts;
  app.get<{ Params: { entry_id: string } }>(
    "/data/:stream_id/entries/:entry_id",
    ALSO_HEAD,
    async (request, reply) => {
      const { segment, parameters } = targetOf(request, "entry", config);
      const { entry_id } = request.params;
      const range = rangeOf(entry_id, parameters.at);
      const all = { ...parameters, keep_device_id_in_stream_id: false, last_entry_id: "0" };
      const [stream, ...others] = readNamedStreams(request.visitor.identity, segment, all, config);
      if (stream === undefined || others.length > 0)
        throw badParameter("stream_id", `must name one stream, got ${others.length + 1}`);
      const { key } = stream;
      if (parameters.at !== "") await warnOfTimes(reply, parts, [{ parameter: "at", id: range.end, key }]);
      const lease = memoryOf(reply, memory);
      await lease.grow(streamReader.expectedBytes(key, 1));
      // Both are sent before the first reply, and therefore in one write.
      const [{ entries }, meta] = await Promise.all([
        streamReader.readRange(key, range),
        registry.meta(key, {
          client: accountName(request.visitor),
          admit: (bytes) => lease.grow(bytes * META_COPIES).then(() => true),
        }),
      ]);
      const [entry] = entries;
      if (entry === undefined)
        throw new GatewayError(
          "NOT_FOUND",
          `stream ${JSON.stringify(stream.name)} has no ${notFoundText(entry_id, parameters.at)}`,
        );
      lease.set(entry.data.length);
      const type =
        typeOfFields(entry) ?? declaredTypeOf(meta, reply, parts) ?? guessedType(entry.data) ?? RAW_TYPE;
      const isConcrete = entry_id !== "first" && entry_id !== "last";
      if (request.method === "GET") countOut(streamClasses, key, entries);
      return sendEntry(request, reply, entry, type, isConcrete ? IMMUTABLE : REVALIDATED);
    },
  );
}

/** Returns the content type that metadata declares. Warns if another program has stored metadata that is too large. */
function declaredTypeOf(
  meta: StoredValue,
  reply: FastifyReply,
  { observe: { warnings } }: RouteParts,
): string | undefined {
  if (!(meta instanceof UnreadValue)) return declarationOf(meta).contentType;
  warn(reply, warnings, "declaration", [`the content type is detected: ${unreadReason(meta)}`]);
  return undefined;
}

/** Returns the range whose only, first or last entry is requested. @throws GatewayError BAD_PARAMETER */
function rangeOf(entryId: string, at: string): RangeOptions {
  if (at !== "" && entryId !== "last")
    throw badParameter("at", `requires the entry id last, got ${JSON.stringify(entryId.slice(0, 40))}`);
  if (entryId === "first") return { start: FIRST_ID, end: LAST_ID, count: 1, reverse: false };
  if (entryId === "last")
    return { start: FIRST_ID, end: at === "" ? LAST_ID : parseTime("at", at), count: 1, reverse: true };
  const id = parseId(entryId);
  if (id !== undefined) return { start: id, end: id, count: 1, reverse: false };
  throw badParameter(
    "entry_id",
    `must be an entry id, first or last, got ${JSON.stringify(entryId.slice(0, 40))}`,
  );
}

function notFoundText(entryId: string, at: string): string {
  if (at !== "") return `entry at or before ${at.slice(0, 40)}`;
  return parseId(entryId) === undefined ? "entries" : `entry ${entryId.slice(0, 40)}`;
}

/** Returns the content type in the fields of an entry. Other programs write fields, so an invalid one has no effect. */
function typeOfFields({ fields }: Entry): string | undefined {
  const value = fields?.get(TYPE_FIELD);
  const last = value === undefined ? undefined : valuesOf(value).at(-1);
  return last === undefined ? undefined : parseMediaType(lossyTextOf(last));
}

function guessedType(data: Uint8Array): string | undefined {
  const type = guessType(data);
  return type === "text/plain" ? "text/plain; charset=utf-8" : type;
}

function sendEntry(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, data }: Entry,
  type: string,
  caching: string,
): FastifyReply {
  // A stream that was deleted and created again may reuse the id, rarely with a payload of the same size.
  const etag = `"${id}-${data.length}"`;
  const range = requestedRange(request, reply, etag, data.length);
  reply.headers({
    etag,
    "x-entry-id": id,
    "cache-control": caching,
    "accept-ranges": "bytes",
    "content-security-policy": PAYLOAD_POLICY,
  });
  if (range === "not modified") return reply.send();
  if (!isInline(type)) reply.header("content-disposition", "attachment");
  reply.header("content-type", isExecutable(type) ? RAW_TYPE : type);
  if (range === undefined) return reply.send(Buffer.from(data.buffer, data.byteOffset, data.length));
  // A copy, so that a small part does not keep a large payload in memory.
  return reply.send(Buffer.from(data.subarray(range.first, range.last + 1)));
}

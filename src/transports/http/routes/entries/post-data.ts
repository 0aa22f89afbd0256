/** `POST /data/{stream_id}`: stores entries (docs/protocol.md, "POST entries"). */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { authorize } from "../../../../access/identity/authorize.ts";
import { accountName } from "../../../../access/limits/limits.ts";
import { badParameter, GatewayError } from "../../../../domain/errors.ts";
import type { NewEntry } from "../../../../domain/streams/entry.ts";
import { parseStreamIds } from "../../../../domain/streams/stream-name.ts";
import type { AppendResult } from "../../../../redis/append/appender.ts";
import { isLargeAppend } from "../../../../redis/append/large-appends.ts";
import { type BodyFormat, type CleanFormatName, cleanFormat } from "../../../../wire/formats.ts";
import { LONG_MESSAGE_BYTES, type PushedEntry } from "../../../../wire/push-batch.ts";
import { appendSteps } from "../../../request/append/append-steps.ts";
import {
  type Declarations,
  declaredType,
  type RequestedDeclaration,
  readDeclarationParameters,
} from "../../../request/append/declarations.ts";
import { readDedupe } from "../../../request/append/dedupe.ts";
import { contentFormat, mediaTypeOf } from "../../../request/media-types.ts";
import { readNaming } from "../../../request/streams.ts";
import { warn } from "../../../request/warning-headers.ts";
import { appendResultsJson } from "../../../response/errors/append-results.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import { type BodyTarget, type PostedEntry, readMultipart } from "./multipart.ts";

const NO_BODY = Buffer.alloc(0);
/** Bodies below this size (bytes) are parsed without a memory reservation. */
const COUNTED_FROM_BYTES = 64 * 1024;

/** Adds the route. */
export function addPostData(app: FastifyInstance, { streams, access, observe, config }: RouteParts): void {
  const { append, largeAppends, declarations } = streams;
  const { slices: workSlices } = access.turns;
  app.post("/data/:stream_id", async (request, reply) => {
    const { segment, parameters } = targetOf(request, "post", config);
    const naming = readNaming(parameters, config);
    const [stream = "", ...others] = parseStreamIds(segment, config.maxStreams);
    if (others.length > 0)
      throw badParameter(
        "stream_id",
        `must name one stream, or be * with one file per stream, got ${others.length + 1} streams`,
      );
    const requested = readDeclarationParameters(parameters);
    const markNext = readDedupe(parameters);
    const pushed = await readEntries(request, parameters.format, {
      stream,
      maxEntries: config.maxBatchEntries,
      workSlices,
    });
    const entries = pushed.map(
      ({ stream: id, ownType: _, ...entry }): NewEntry => ({
        key: naming.keyOf(id),
        ...entry,
        ...(markNext && { dedupe: markNext() }),
      }),
    );
    const keys = [...new Set(entries.map(({ key }) => key))];
    authorize(request.visitor.identity, "write", keys);
    for (const key of keys) access.limits.useStream(request.visitor, key);
    // The memory stays counted while entries wait for Redis, even if the client disconnects.
    const release = request.bodyMemory?.hold();
    const results = isLargeAppend(entries)
      ? await largeAppends.store(accountName(request.visitor), entries)
      : await new Promise<readonly AppendResult[]>((resolve, reject) => {
          if (entries.length === 1) append(entries, resolve);
          else workSlices.run(appendSteps(append, entries, resolve)).catch(reject);
        });
    release?.();
    const errors = results.filter((result) => result instanceof GatewayError);
    const unknown = errors.filter(({ code }) => code === "APPEND_UNKNOWN");
    const haveSameOutcome = unknown.length === 0 || unknown.length === results.length;
    // Mixed outcomes are returned as a list, as in an ack. If all entries failed alike, the response is the error.
    const [error] = errors;
    if (error !== undefined && errors.length === results.length && haveSameOutcome) throw error;
    const declared = declaredBy(pushed, entries, results, declarations, requested);
    if (declared.size > 0)
      warn(reply, observe.warnings, "declaration", await declareAll(declarations, declared));
    return reply.type("application/json; charset=utf-8").send(appendResultsJson(results));
  });
}

/** Returns what a request declares for each stream that it stored an entry in: its parameters, and the type of the first entry. */
function declaredBy(
  posted: readonly PostedEntry[],
  entries: readonly NewEntry[],
  results: readonly AppendResult[],
  { knowsType }: Declarations,
  { members, replaces }: RequestedDeclaration = { members: {}, replaces: false },
): ReadonlyMap<string, RequestedDeclaration> {
  const found = new Map<string, RequestedDeclaration>();
  const seen = new Set<string>();
  entries.forEach(({ key, data }, i) => {
    if (seen.has(key) || results[i] instanceof GatewayError) return;
    seen.add(key);
    const needsType = members.contentType === undefined && (replaces || !knowsType(key));
    const contentType = needsType ? declaredType(posted[i]?.ownType?.(), data) : undefined;
    const all = contentType === undefined ? members : { ...members, contentType };
    if (Object.keys(all).length > 0) found.set(key, { members: all, replaces });
  });
  return found;
}

/** Stores declarations. @returns warnings about those that could not be stored */
async function declareAll(
  declarations: Declarations,
  declared: ReadonlyMap<string, RequestedDeclaration>,
): Promise<readonly string[]> {
  const texts = await Promise.all([...declared].map(([key, one]) => declarations.declare(key, one)));
  return [...new Set(texts)].filter((text) => text !== undefined);
}

async function readEntries(
  request: FastifyRequest,
  chosen: BodyFormat | undefined,
  target: BodyTarget,
): Promise<readonly PostedEntry[]> {
  const { stream } = target;
  const body = Buffer.isBuffer(request.body) ? request.body : NO_BODY;
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw new GatewayError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Content-Encoding ${JSON.stringify(encoding)} is not supported; send the body unencoded`,
    );
  const contentType = request.headers["content-type"];
  if (mediaTypeOf(contentType) === "multipart/form-data") return readMultipart(request.headers, body, target);
  const format = chosen ?? contentFormat(contentType);
  if (format === "raw") return [{ ...wholeBody(stream, body), ownType: () => contentType }];
  const { decodedBytesPerByte } = cleanFormat(format);
  if (decodedBytesPerByte !== undefined && body.length >= COUNTED_FROM_BYTES)
    await request.bodyMemory?.lease.grow(body.length * decodedBytesPerByte);
  return (await readBatch(format, body, target)) ?? [wholeBody(stream, body)];
}

/** Returns the body as one entry. @throws GatewayError BAD_PARAMETER if the stream id is `*` */
function wholeBody(stream: string, body: Uint8Array): PushedEntry {
  if (stream === "*")
    throw badParameter(
      "stream_id",
      "must name a stream; * is for multipart/form-data, where each part's filename is its stream",
    );
  return { stream, id: "*", data: body };
}

/**
 * Decodes a batch. A JSON object or a MessagePack map is not a batch: clients post their own values that way
 * (`requests.post(url, json={…})`, `curl --json`).
 *
 * @returns undefined if the body is an object or a map, which is stored unchanged as one entry
 * @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE
 */
async function readBatch(
  format: CleanFormatName,
  body: Uint8Array,
  { maxEntries, workSlices }: BodyTarget,
): Promise<readonly PushedEntry[] | undefined> {
  const { decodeBody, decodeBodySteps } = cleanFormat(format);
  try {
    if (body.length <= LONG_MESSAGE_BYTES) return decodeBody(body, maxEntries);
    return await workSlices.run(decodeBodySteps(body, maxEntries));
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "BAD_HEADER") throw error;
    throw new GatewayError("BAD_HEADER", `${error.message}; to store the body as one entry, add format=raw`);
  }
}

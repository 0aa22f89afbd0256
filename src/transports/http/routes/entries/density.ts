/** `GET /data/{stream_id}/density`: entries and bytes of streams over time, for time bars (docs/protocol.md, "Density"). */

import type { FastifyInstance, FastifyReply } from "fastify";
import { accountName } from "../../../../access/limits/limits.ts";
import { badParameter } from "../../../../domain/errors.ts";
import { parseRange } from "../../../../domain/streams/cursor.ts";
import { type EntryId, FIRST_ID, LAST_ID, laterId, timeOfId } from "../../../../domain/streams/entry-id.ts";
import { readErrorOf, type StreamDetails } from "../../../../redis/registry/details/stream-info.ts";
import { openStreams } from "../../../request/pattern-streams.ts";
import { keysOf, rangeTimes, readRequestedStreams } from "../../../request/streams.ts";
import { warnOfTimes } from "../../../request/warning-headers.ts";
import { memoryOf } from "../../../response/memory/response-memory.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import { type Buckets, type Density, planDensity, readDensity } from "./stream-density.ts";

/** Maximum number of entries, and approximate maximum of bytes, that one request reads from all streams together. */
const BUDGET = { entries: 20_000, bytes: 16 * 1024 * 1024 };
/** Maximum number of values in a response: buckets of all streams. */
const MAX_VALUES = 200_000;

/** Approximate bytes of a bucket in the response: two numbers, and their text. */
const BUCKET_BYTES = 32;

/** The greatest time (ms) of a bucket. Greater ones are not exact. */
const MAX_MS = Number.MAX_SAFE_INTEGER - 1;

/** A stream with its known facts. */
interface FoundStream {
  readonly key: string;
  readonly name: string;
  readonly details: StreamDetails;
}

/** Adds the route. */
export function addDensity(app: FastifyInstance, parts: RouteParts): void {
  const { streams, config } = parts;
  app.get("/data/:stream_id/density", async (request, reply) => {
    const { segment, parameters } = targetOf(request, "density", config);
    const { identity } = request.visitor;
    const all = { ...parameters, last_entry_id: "0" };
    const requested = readRequestedStreams(identity, segment, all, config);
    const { start, end } = parseRange(parameters.start, parameters.end);
    await warnOfTimes(reply, parts, rangeTimes(keysOf(requested.named), { start, end }));
    const opened = await openStreams(requested, request.visitor, parts);
    opened.pattern?.close();
    const { buckets: count } = parameters;
    const max = Math.floor(MAX_VALUES / Math.max(1, opened.streams.length));
    if (count > max)
      throw badParameter(
        "buckets",
        `must be at most ${max} for ${opened.streams.length} streams, got ${count}`,
      );
    const records = await streams.registry.streams(
      opened.streams.map(({ key }) => key),
      { depth: "facts", meta: false, client: accountName(request.visitor) },
    );
    const found = opened.streams.flatMap(({ key, name }, i) => {
      const details = records[i]?.details;
      if (details === undefined) return [];
      const error = readErrorOf(details);
      if (error !== undefined) throw error;
      return [{ key, name, details }];
    });
    const buckets = bucketsOf(found, start, end, count);
    const densities = await readAll(reply, found, buckets, parts);
    reply.header("content-type", "application/json; charset=utf-8");
    return {
      start: buckets.start,
      end: buckets.end,
      buckets: count,
      streams: found.map(({ name, details }, i) => ({
        stream_id: name,
        entries: densities[i]?.entries ?? [],
        bytes: densities[i]?.bytes ?? [],
        sampled: densities[i]?.isSampled ?? false,
        gaps: gapsOf(details, start),
      })),
    };
  });
}

/** Returns buckets from the start to the end of the range, or of the stored range if that is shorter on an open side. */
function bucketsOf(streams: readonly FoundStream[], start: EntryId, end: EntryId, count: number): Buckets {
  const firsts = streams.flatMap(({ details: { first } }) => (first ? [timeOfId(first.id)] : []));
  const lasts = streams.flatMap(({ details: { last } }) => (last ? [timeOfId(last.id)] : []));
  const from = start === FIRST_ID ? firsts.reduce((a, b) => Math.min(a, b), firsts[0] ?? 0) : timeOfId(start);
  const to = end === LAST_ID ? lasts.reduce((a, b) => Math.max(a, b), 0) : timeOfId(end);
  const begin = Math.min(from, MAX_MS);
  return { start: begin, end: Math.max(begin, Math.min(to, MAX_MS)) + 1, count };
}

async function readAll(
  reply: FastifyReply,
  found: readonly FoundStream[],
  buckets: Buckets,
  { streams: { streamReader }, access: { memory } }: RouteParts,
): Promise<readonly Density[]> {
  const lease = memoryOf(reply, memory);
  const { raw, request } = reply;
  // A pipelined request has no socket of its own yet.
  const isNeeded = () => !raw.destroyed && !request.raw.socket.destroyed;
  const response = found.length * buckets.count * BUCKET_BYTES;
  const densities: Density[] = [];
  // One stream after the other, so that the request holds few entries at a time.
  for (const { key, details } of found) {
    const one = streamReader.expectedBytes(key, 1);
    const share = { entries: BUDGET.entries / found.length, bytes: BUDGET.bytes / found.length };
    const budget = Math.max(1, Math.floor(Math.min(share.entries, share.bytes / one)));
    const stream = { key, length: details.length };
    const plan = planDensity(streamReader, stream, buckets, budget);
    // Not back to 0 between two streams: a request that holds nothing waits for others of its client.
    const missing = response + plan.bytes - lease.bytes();
    if (missing > 0) await lease.grow(missing);
    densities.push(await readDensity(streamReader, stream, buckets, plan, isNeeded));
  }
  lease.set(response);
  return densities;
}

/** The beginning of a stream whose first entries were trimmed or deleted. */
function gapsOf({ first, entriesAdded, length }: StreamDetails, start: EntryId): readonly object[] {
  if (first === undefined || entriesAdded <= length || laterId(first.id, start) === start) return [];
  return [{ after: FIRST_ID, before: first.id }];
}

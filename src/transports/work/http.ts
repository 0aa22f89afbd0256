/** HTTP routes of consumer groups: receive, settle, list and remove (docs/protocol.md, "Work queues over HTTP"). */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { authorize } from "../../access/identity/authorize.ts";
import { accountName } from "../../access/limits/limits.ts";
import { badParameter, GatewayError } from "../../domain/errors.ts";
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { Delivered } from "../../redis/groups/commands/group-commands.ts";
import { noGroup } from "../../redis/groups/commands/group-registry.ts";
import type { SettleCommands } from "../../redis/groups/commands/settle-commands.ts";
import type { NamedEntry } from "../../redis/groups/consumer-options.ts";
import type { Groups } from "../../redis/groups/groups.ts";
import type { HeldEntry, Settled } from "../../redis/groups/held-entry.ts";
import { type CleanFormatName, cleanFormat } from "../../wire/formats.ts";
import { asciiJson } from "../../wire/header.ts";
import { joinSteps } from "../../wire/pieces.ts";
import { lossyTextOf } from "../../wire/utf8.ts";
import { isLongWork } from "../../wire/work/work.ts";
import type { TransportParts } from "../parts.ts";
import { acceptedCleanFormat } from "../request/media-types.ts";
import type { ParameterRoute, ParametersOf } from "../request/parameters/parameters.ts";
import { readParameters } from "../request/query.ts";
import { warnOfTimes } from "../request/warning-headers.ts";
import { countOut } from "../response/entries-sent.ts";
import { joinOwnPieces } from "../response/memory/joined-pieces.ts";
import { memoryOf } from "../response/memory/response-memory.ts";
import { nextEntries } from "./next.ts";
import { formatEntry, readSettlement, type Settlement, type WorkAction } from "./settlement.ts";
import {
  fromTimes,
  readFrom,
  readTarget,
  readWork,
  requireConsumer,
  requireGroup,
  type WorkRequest,
} from "./work-request.ts";

const JSON_TYPE = "application/json; charset=utf-8";
/** Bytes of a group or a pending entry in a list, without its name. */
const ROW_BYTES = 100;
/** Maximum number of lost entries in the header of a response. */
const MAX_LOST = 100;

/** Returns the function that adds the routes. */
export const workRoutes =
  (parts: TransportParts) =>
  (app: FastifyInstance): void => {
    addNext(app, parts);
    addSettle(app, parts);
    addGroups(app, parts);
    app.get("/data/:stream_id/work/:group", () => {
      throw new GatewayError(
        "UPGRADE_REQUIRED",
        "/data/{stream_id}/work/{group} is a WebSocket: connect with ws:// or wss://, or POST to /data/{stream_id}/work/{group}/next",
      );
    });
  };

/** Receives entries. */
function addNext(app: FastifyInstance, parts: TransportParts): void {
  const { streams, access, observe, config } = parts;
  app.post("/data/:stream_id/work/:group/next", async (request, reply) => {
    const { segment, group, parameters } = targetOf(request, "next", config);
    const { identity } = request.visitor;
    const work = readWork(identity, segment, group, parameters, config);
    const from = readFrom(parameters.from);
    const consumer = requireConsumer(work);
    const format = parameters.format ?? acceptedCleanFormat(request.headers.accept, "json");
    for (const { key } of work.streams) access.limits.useStream(request.visitor, key);
    await warnOfTimes(reply, parts, fromTimes(work, from));
    const { key, entries, lost } = await nextEntries(streams.groups, {
      ...{ work, consumer, from, format, reply, access },
      visitor: request.visitor,
      ...{ maxDeliver: parameters.max_deliver, count: parameters.count, waitMs: parameters.wait },
    });
    if (lost.length > 0)
      reply.header(
        "x-lost",
        asciiJson(JSON.stringify(lost.slice(0, MAX_LOST).map((one) => formatEntry(one, work)))),
      );
    if (entries.length === 0) return reply.code(204).send();
    countOut(
      observe.streamClasses,
      key,
      entries.map(({ entry }) => entry),
    );
    const name = work.streams.find((stream) => stream.key === key)?.name ?? "";
    const steps = bodySteps(format, name, entries);
    // The memory ends with the connection, so the work must end, too.
    const body = isLongWork(entries)
      ? await access.turns.slices.runWhileNeeded(steps, () => !reply.raw.destroyed)
      : runAtOnce(steps);
    reply.header("cache-control", "no-store").type(cleanFormat(format).contentType);
    return reply.send(body === undefined ? "" : Buffer.from(body.buffer, body.byteOffset, body.length));
  });
}

function* bodySteps(
  format: CleanFormatName,
  stream: string,
  entries: readonly Delivered[],
): Generator<void, Uint8Array> {
  const { encodeWorkSteps, hasOwnPieces } = cleanFormat(format);
  const pieces = yield* encodeWorkSteps(stream, entries);
  return yield* hasOwnPieces ? joinOwnPieces(pieces) : joinSteps(pieces);
}

/** Settles entries. */
function addSettle(app: FastifyInstance, { streams, config }: TransportParts): void {
  app.post("/data/:stream_id/work/:group", async (request, reply) => {
    const { segment, group, parameters } = targetOf(request, "settle", config);
    const work = readWork(request.visitor.identity, segment, group, parameters, config);
    const consumer = requireConsumer(work);
    const text = Buffer.isBuffer(request.body) ? lossyTextOf(request.body) : "";
    const settlement = readSettlement(text, work, config.maxBatchEntries);
    if (settlement.permits > 0 || settlement.token !== undefined)
      throw new GatewayError("BAD_PAYLOAD", "the message must not have permits or token over HTTP");
    const counts: Record<string, number> = {};
    const late: NamedEntry[] = [];
    for (const [action, entries] of settlement.entries) {
      const missed = await settle(streams.groups, { work, consumer, action, entries, settlement });
      counts[action] = entries.length - missed.length;
      late.push(...missed);
    }
    return reply
      .type(JSON_TYPE)
      .send(JSON.stringify({ ...counts, late: late.map((entry) => formatEntry(entry, work)) }));
  });
}

/** Lists groups and their pending entries, and removes groups. */
function addGroups(app: FastifyInstance, { streams, access, config }: TransportParts): void {
  const { groups } = streams;
  // A row with the longest name, as it is received and in the response.
  const rowBytes = 2 * (config.maxNameBytes + ROW_BYTES);
  app.get("/data/:stream_id/work", async (request, reply) => {
    const { key } = oneStream(request, "work", config);
    const client = accountName(request.visitor);
    const [record] = await streams.registry.streams([key], { depth: "facts", meta: false, client });
    await memoryOf(reply, access.memory).grow((record?.details?.groups ?? 0) * rowBytes);
    const list = await orNone(groups.registry.list(key));
    return reply.header("cache-control", "no-store").send(
      list.map(({ name, consumers, pending, lastDelivered, lag }) => ({
        ...{ group: name, lag: lag ?? null, pending, consumers },
        last_delivered: lastDelivered,
      })),
    );
  });
  app.get("/data/:stream_id/work/:group/pending", async (request, reply) => {
    const { key, target, parameters } = oneStream(request, "work", config);
    await memoryOf(reply, access.memory).grow(parameters.count * rowBytes);
    const pending = await groups.registry.pending(key, requireGroup(target), parameters.count);
    return reply
      .header("cache-control", "no-store")
      .send(pending.map(({ id, consumer, idleMs, n }) => ({ id, consumer, idle_ms: idleMs, n })));
  });
  app.delete("/data/:stream_id/work/:group", async (request, reply) => {
    const { key, target } = oneStream(request, "admin", config);
    const group = requireGroup(target);
    if (!(await groups.registry.destroy(key, group))) throw noGroup(group);
    return reply.code(204).send();
  });
}

/** A stream that does not exist has no groups. */
async function orNone<T>(list: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list;
  } catch (error) {
    if (error instanceof GatewayError && error.code === "REDIS_REFUSED" && /no such key/.test(error.message))
      return [];
    throw error;
  }
}

interface PathTarget<R extends ParameterRoute> {
  readonly segment: string;
  readonly group: string;
  readonly parameters: ParametersOf<R>;
}

/** Parses the URL, because Fastify's own decoding does not distinguish `+` from `%2B`. @throws GatewayError BAD_PARAMETER */
function targetOf<R extends ParameterRoute>(
  request: FastifyRequest,
  route: R,
  config: TransportParts["config"],
): PathTarget<R> {
  const url = request.raw.url ?? "/";
  const at = url.indexOf("?");
  const [, , segment = "", , group = ""] = (at < 0 ? url : url.slice(0, at)).split("/");
  return { segment, group, parameters: readParameters(route, at < 0 ? "" : url.slice(at), config) };
}

/** Reads a request about one stream. @throws GatewayError BAD_PARAMETER or FORBIDDEN */
function oneStream(request: FastifyRequest, action: "work" | "admin", config: TransportParts["config"]) {
  const { segment, group, parameters } = targetOf(request, "groups", config);
  const target = readTarget(segment, group, parameters, config);
  const [stream, ...others] = target.streams;
  if (stream === undefined || others.length > 0)
    throw badParameter("stream_id", `must name one stream, got ${others.length + 1}`);
  authorize(request.visitor.identity, action, [stream.key]);
  return { key: stream.key, target, parameters };
}

interface Settling {
  readonly work: WorkRequest;
  readonly consumer: string;
  readonly action: WorkAction;
  readonly entries: readonly NamedEntry[];
  readonly settlement: Settlement;
}

/** @returns the entries that no longer belong to the consumer, or were trimmed */
async function settle(groups: Groups, settling: Settling): Promise<readonly NamedEntry[]> {
  const { work, entries, settlement } = settling;
  const missed = await Promise.all(
    work.streams.map(async ({ key, deadLetter }) => {
      const held = entries
        .filter((one) => one.key === key)
        .map(({ id }): HeldEntry => ({ id, n: undefined }));
      if (held.length === 0) return [];
      const { late, lost } = await settleOne(
        groups.commandsOf(key, work.group).settle,
        held,
        deadLetter,
        settling,
      );
      if (settling.action === "nack") groups.givenBack(key, work.group, settlement.delayMs);
      return [...late, ...lost].map((id): NamedEntry => ({ key, id }));
    }),
  );
  return missed.flat();
}

function settleOne(
  commands: SettleCommands,
  held: readonly HeldEntry[],
  deadLetter: string,
  { work, consumer, action, settlement }: Settling,
): Promise<Settled> {
  const { ackWaitMs, deletesAcked } = work;
  if (action === "ack") return commands.ack(consumer, held, deletesAcked);
  if (action === "nack") return commands.nack(consumer, held, ackWaitMs - settlement.delayMs);
  if (action === "term")
    return commands.term(consumer, held, settlement.reason, { deadLetter, deletesAcked });
  return commands.progress(consumer, held);
}

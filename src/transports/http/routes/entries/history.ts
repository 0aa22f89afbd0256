/** `GET /data/{stream_id}/entries`: pages through the history of a stream, or of a pattern's streams, by time or id (docs/protocol.md, "History"). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { badParameter } from "../../../../domain/errors.ts";
import { parseBound } from "../../../../domain/streams/cursor.ts";
import { type EntryId, LAST_ID } from "../../../../domain/streams/entry-id.ts";
import { DEFAULT_DEVICE } from "../../../../domain/streams/stream-name.ts";
import { timeName } from "../../../../recordings/directory.ts";
import type { FileThread } from "../../../../recordings/thread/file-thread.ts";
import type { RangeOptions } from "../../../../redis/read/stream-reader.ts";
import { FILE_FORMAT } from "../../../../wire/formats.ts";
import type { ParametersOf } from "../../../request/parameters/parameters.ts";
import { openStreams } from "../../../request/pattern-streams.ts";
import {
  keysOf,
  type RequestedStreams,
  rangeTimes,
  readRequestedStreams,
  type WantedStream,
} from "../../../request/streams.ts";
import { warnOfTimes } from "../../../request/warning-headers.ts";
import { countOut } from "../../../response/entries-sent.ts";
import { memoryOf } from "../../../response/memory/response-memory.ts";
import { headerRoom, headersTooLarge } from "../../responses/header-room.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import {
  type AnswerForm,
  answerBytes,
  answerFormOf,
  memoryOfAnswer,
  sendEntries,
} from "./entries-response.ts";
import { type ExportOptions, sendExport } from "./export.ts";
import { type FitOptions, fitEntries, fitPrefix, maxFitting } from "./fit-entries.ts";
import { entriesPerStream, groupedByStream, type MergedEntry } from "./merged-history.ts";
import { readMergedRange } from "./merged-page.ts";

/** Adds the route. */
export function addHistoryRange(app: FastifyInstance, parts: RouteParts, files: FileThread): void {
  app.get("/data/:stream_id/entries", async (request, reply) => {
    const { segment, parameters } = targetOf(request, "entries", parts.config);
    const all = { ...parameters, last_entry_id: "0" };
    const requested = readRequestedStreams(request.visitor.identity, segment, all, parts.config);
    const { named, pattern } = requested;
    if (parameters.format === FILE_FORMAT.name) {
      const range = readExport(parameters, segment, parts.config);
      await warnOfTimes(reply, parts, rangeTimes(keysOf(named), range));
      return sendExport(reply, requested, { ...range, files }, parts);
    }
    const [stream] = named;
    if (pattern === undefined && (stream === undefined || named.length > 1))
      throw badParameter("stream_id", `must name one stream, got ${named.length}`);
    const page = readPage(request, reply, { ...parameters, format: parameters.format }, parts);
    if (pattern === undefined && stream !== undefined) return sendOne(reply, stream, page, parts);
    return sendMerged(reply, requested, page, parts);
  });
}

/** Reads the range of an export. @throws GatewayError BAD_PARAMETER */
function readExport(
  { start, end, reverse, device_id: device = DEFAULT_DEVICE }: ParametersOf<"entries">,
  segment: string,
  { noDevicePrefix }: RouteParts["config"],
): Omit<ExportOptions, "files"> {
  if (reverse) throw badParameter("reverse", `must be 0 with format=${FILE_FORMAT.name}, got 1`);
  return {
    start: parseBound("start", start),
    end: parseBound("end", end),
    // Without a device, stream ids are whole keys.
    name: `${(!noDevicePrefix && fileNamePart(device)) || fileNamePart(decodeURIComponent(segment)) || "streams"}-${timeName()}`,
  };
}

/** Returns a text as a part of a file name; empty if it has no letters or digits. */
const fileNamePart = (text: string): string =>
  text
    .replace(/[^\w.-]+/g, "_")
    .replace(/^[_.]+/, "")
    .slice(0, 80)
    .replace(/_+$/, "");

/** Part of the history that a request selects, and the form of the response. */
interface RequestedPage extends RangeOptions {
  readonly form: AnswerForm;
  readonly fit: FitOptions;
  linkTo(last: EntryId): string;
}

/** Parameters of a page. */
type PageParameters = Omit<ParametersOf<"entries">, "format"> & Pick<ParametersOf<"get">, "format">;

function readPage(
  request: FastifyRequest,
  reply: FastifyReply,
  parameters: PageParameters,
  { config }: RouteParts,
): RequestedPage {
  const { reverse, count } = parameters;
  const form = answerFormOf(request, parameters);
  const linkTo = (last: EntryId) =>
    `<${config.pathPrefix}${nextPage(request.raw.url ?? "/", last, reverse)}>; rel="next"`;
  const headersRoom = headerRoom(reply, config.maxResponseHeaderBytes);
  const room = headersRoom - linkTo(LAST_ID).length - LAST_ID.length;
  return {
    form,
    reverse,
    count,
    start: parseBound("start", parameters.start),
    end: parseBound("end", parameters.end),
    fit: { hasOffsets: form.format === "raw", latest: false, room },
    linkTo,
  };
}

/** Sends a page of one stream. */
async function sendOne(
  reply: FastifyReply,
  stream: WantedStream,
  { form, start, end, reverse, count: max, fit, linkTo }: RequestedPage,
  parts: RouteParts,
): Promise<FastifyReply> {
  const {
    streams: { streamReader },
    access: { memory, turns },
    observe: { streamClasses },
  } = parts;
  await warnOfTimes(reply, parts, rangeTimes([stream.key], { start, end }));
  const count = Math.min(max, maxFitting([stream.name], fit));
  const lease = memoryOf(reply, memory);
  await lease.grow(memoryOfAnswer(form, streamReader.expectedBytes(stream.key, count)));
  const { entries, isCut } = await streamReader.readRange(stream.key, {
    start,
    end,
    count,
    reverse,
  });
  lease.set(memoryOfAnswer(form, answerBytes([{ stream: stream.name, entries }])));
  const found = { streams: entries.length > 0 ? [{ stream: stream.name, entries }] : [], gaps: [] };
  const sent = fit.room < 0 ? undefined : fitEntries(found, fit)?.streams;
  if (sent === undefined) throw headersTooLarge(1);
  const shown = sent[0]?.entries ?? [];
  countOut(streamClasses, stream.key, shown);
  const last = shown[shown.length - 1];
  if (last !== undefined) reply.header("x-last-entry-id", last.id);
  if (last !== undefined && (shown.length < entries.length || isCut)) reply.header("link", linkTo(last.id));
  return sendEntries(reply, sent, form, { memory, workSlices: turns.slices });
}

/** Sends a page of all streams that a pattern selects. */
async function sendMerged(
  reply: FastifyReply,
  requested: RequestedStreams,
  { form, fit, linkTo, ...range }: RequestedPage,
  parts: RouteParts,
): Promise<FastifyReply> {
  const {
    streams: { streamReader },
    access: { memory, turns },
    observe,
    config,
  } = parts;
  const list = async () => {
    const { streams, pattern } = await openStreams(requested, reply.request.visitor, parts);
    pattern?.close();
    return streams;
  };
  const streams = await list();
  const lease = memoryOf(reply, memory);
  const perStream = entriesPerStream(range.count, streams.length);
  const expected = streams.map(({ key }) => streamReader.expectedBytes(key, perStream, streams.length));
  await lease.grow(
    memoryOfAnswer(
      form,
      expected.reduce((sum, bytes) => sum + bytes, 0),
    ),
  );
  const { entries, isCut } = await readMergedRange(
    { streamReader, streams, listAgain: list, maxBytes: config.maxAnswerBytes },
    range,
  );
  const shown = fitMerged(entries, fit);
  if (shown === undefined) throw headersTooLarge(streams.length);
  const sent = groupedByStream(shown);
  lease.set(memoryOfAnswer(form, answerBytes(sent)));
  for (const { key, entry } of shown) countOut(observe.streamClasses, key, [entry]);
  const last = shown.at(-1)?.entry.id;
  if (last !== undefined) reply.header("x-last-entry-id", last);
  if (last !== undefined && (shown.length < entries.length || isCut)) reply.header("link", linkTo(last));
  return sendEntries(reply, sent, form, { memory, workSlices: turns.slices });
}

/** Returns the first entries that fit the headers; undefined if there are entries and none fits. */
function fitMerged(entries: readonly MergedEntry[], fit: FitOptions): readonly MergedEntry[] | undefined {
  if (fit.room < 0) return undefined;
  const fitting = fitPrefix(
    entries.map(({ stream, entry }) => ({ stream, entry })),
    fit,
  );
  if (fitting === entries.length) return entries;
  // Entries with the same id stay on one page.
  let size = fitting;
  while (size > 0 && entries[size - 1]?.entry.id === entries[size]?.entry.id) size--;
  return size > 0 ? entries.slice(0, size) : undefined;
}

function nextPage(url: string, last: EntryId, reverse: boolean): string {
  const next = new URL(url, "http://gateway");
  // A ticket is valid once and has been used by this request.
  next.searchParams.delete("ticket");
  next.searchParams.set(reverse ? "end" : "start", `(${last}`);
  return next.pathname + next.search;
}

/** Streams: what Redis and their metadata say of them, and the queries that list them. */
import { type Entry, fieldArguments } from "../../../domain/entry.ts";
import { timeOfId } from "../../../domain/entry-id.ts";
import type { EdgeEntry, StreamDetails } from "../../../redis/registry/stream-info.ts";
import {
  listNames,
  listStreams,
  loadNamedStreams,
  loadStreams,
  type StreamNode,
} from "../execution/load-streams.ts";
import { selectedFields } from "../execution/selection.ts";
import type { WorkBudget } from "../execution/work-budget.ts";
import type { Builder } from "./builder.ts";
import {
  type ConnectionRef,
  FIELDS_DESCRIPTION,
  FORMAT_DESCRIPTION,
  fieldsJson,
  readPage,
} from "./entries.ts";
import { fewNames, streamIdOf } from "./names.ts";
import { base64Of, jsonOf, metaOf, payloadTooLarge, stringOf, timeText } from "./payload.ts";

/** The type of a stream. */
export type StreamRef = ReturnType<typeof addStreamType>;

const NO_DETAILS: StreamDetails = {
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

const detailsOf = ({ record }: StreamNode): StreamDetails => record.details ?? NO_DETAILS;

/** The bytes of an entry, as Redis counted them where it was left out. */
function bytesOf(edge: EdgeEntry | undefined): number {
  if (edge?.entry === undefined) return edge?.leftOut ?? 0;
  const { data, fields } = edge.entry;
  // Names and values alike, as the server's script counts them.
  const named = fieldArguments(fields).map((part) => Buffer.byteLength(part));
  return named.reduce((sum, bytes) => sum + bytes, data.length === 0 ? 0 : data.length + 1);
}

/** Adds the type. @param connection the pages of its history */
export function addStreamType(builder: Builder, connection: ConnectionRef) {
  return builder.objectRef<StreamNode>("Stream").implement({
    description: "A stream, as Redis' `XINFO STREAM` describes it, with its metadata.",
    fields: (t) => {
      const count = (name: keyof StreamDetails & CountName, description: string) =>
        t.field({ type: "Count", description, resolve: (stream) => detailsOf(stream)[name] });
      const id = (name: keyof StreamDetails & IdName, description: string) =>
        t.string({ description, resolve: (stream) => detailsOf(stream)[name] });

      /** The five fields that show the first or the last entry. */
      const edgeFields = (side: "first" | "last") => {
        const edgeOf = (stream: StreamNode): EdgeEntry | undefined => detailsOf(stream)[side];
        /** @throws GatewayError TOO_LARGE if the payload was left out because of its size */
        const entryOf = (stream: StreamNode, { mostPayloadBytes }: WorkBudget): Entry | undefined => {
          const { entry, leftOut } = edgeOf(stream) ?? {};
          if (entry === undefined && leftOut !== undefined) throw payloadTooLarge(leftOut, mostPayloadBytes);
          return entry;
        };
        return {
          id: t.string({
            description: `The id of the ${side} entry; empty where there is none.`,
            resolve: (stream) => edgeOf(stream)?.id ?? "",
          }),
          time: t.string({
            nullable: true,
            description: `The moment of the ${side} entry: ISO 8601 with a zone, or in \`format\`; empty where there is none.`,
            args: { format: t.arg.string({ description: FORMAT_DESCRIPTION }) },
            resolve(stream, { format }) {
              const edge = edgeOf(stream);
              return edge === undefined ? "" : timeText(edge.id, format);
            },
          }),
          data: t.string({
            nullable: true,
            description: `The ${side} entry's payload in base64; empty where there is none.`,
            resolve(stream, _args, { payloads, work }) {
              const entry = entryOf(stream, work);
              return entry === undefined ? "" : payloads.show(base64Of(entry.data, work));
            },
          }),
          string: t.string({
            nullable: true,
            description: `The ${side} entry's payload as UTF-8 text; null, with an error beside it, where it is not UTF-8.`,
            resolve(stream, _args, { payloads, work }) {
              const entry = entryOf(stream, work);
              return entry === undefined ? "" : payloads.show(stringOf(entry.data, work));
            },
          }),
          json: t.field({
            type: "JSON",
            nullable: true,
            description: `The ${side} entry's payload as JSON; null, with an error beside it, where it is none.`,
            resolve(stream, _args, { work }) {
              const entry = entryOf(stream, work);
              return entry === undefined ? {} : jsonOf(entry.data, work);
            },
          }),
          fields: t.field({
            type: "JSON",
            description: `The ${side} entry's fields. ${FIELDS_DESCRIPTION}`,
            resolve: (stream, _args, { work }) => fieldsJson(entryOf(stream, work)?.fields, work),
          }),
        };
      };
      const first = edgeFields("first");
      const last = edgeFields("last");

      return {
        id: t.exposeString("id", {
          description: "Its name: without its device below a device, with it among all streams.",
        }),
        streamId: t.exposeString("id", { description: "As `id`.", deprecationReason: "Use `id`." }),
        sid: t.exposeString("id", { description: "As `id`.", deprecationReason: "Use `id`." }),
        meta: t.field({
          type: "JSON",
          nullable: true,
          description: "The metadata given with `updateStreamMeta`; `{}` where there is none.",
          resolve: ({ record }, _args, { work }) => metaOf(record.meta, work),
        }),
        error: t.string({
          description:
            "Empty, or why Redis says nothing of the stream: `no such key` where it has only metadata, or is not there.",
          resolve: (stream) => detailsOf(stream).error,
        }),
        length: count("length", "Entries in it now."),
        entriesAdded: count("entriesAdded", "Entries ever added (Redis 7)."),
        groups: count("groups", "Consumer groups."),
        radixTreeKeys: count("radixTreeKeys", "Keys of the tree that Redis keeps it in."),
        radixTreeNodes: count("radixTreeNodes", "Nodes of that tree."),
        lastGeneratedId: id("lastGeneratedId", "The id added last, deleted or not."),
        maxDeletedEntryId: id("maxDeletedEntryId", "The greatest id ever deleted (Redis 7)."),
        recordedFirstEntryId: id("recordedFirstEntryId", "The first id as Redis keeps it (Redis 7)."),
        keptMs: t.field({
          type: "Count",
          description: "Time between its first and its last entry, in ms: what a reader can go back.",
          resolve(stream) {
            const details = detailsOf(stream);
            if (details.first === undefined || details.last === undefined) return 0;
            return Math.max(0, timeOfId(details.last.id) - timeOfId(details.first.id));
          },
        }),
        firstEntryId: first.id,
        firstEntryTime: first.time,
        firstEntryData: first.data,
        firstEntryString: first.string,
        firstEntryJson: first.json,
        firstEntryFields: first.fields,
        lastEntryBytes: t.field({
          type: "Count",
          description: "Bytes of the last entry, the names of its fields included; 0 where there is none.",
          resolve: (stream) => bytesOf(detailsOf(stream).last),
        }),
        lastEntryId: last.id,
        lastEntryTime: last.time,
        lastEntryData: last.data,
        lastEntryString: last.string,
        lastEntryJson: last.json,
        lastEntryFields: last.fields,
        entries: t.field({
          type: connection,
          nullable: true,
          description: "Its history in pages.",
          args: {
            start: t.arg.string({
              description:
                "From here on: an entry id, milliseconds, an ISO 8601 time, or `-`; `(` before it leaves it out.",
            }),
            end: t.arg.string({ description: "Up to here, likewise, or `+`." }),
            first: t.arg.int({ description: "Most entries of the page; 100 where it is not given." }),
            after: t.arg.string({ description: "A cursor: the page begins behind it." }),
            reverse: t.arg.boolean({ description: "Newest first." }),
          },
          resolve: ({ key }, args, context) => readPage(context, key, args),
        }),
      };
    },
  });
}

type CountName = "length" | "entriesAdded" | "groups" | "radixTreeKeys" | "radixTreeNodes";
type IdName = "lastGeneratedId" | "maxDeletedEntryId" | "recordedFirstEntryId";

const MATCH_DESCRIPTION = "Only keys that match this glob of Redis (`KEYS`): `cam?:*`, `*:imu`.";

/** Adds the queries over all streams. */
export function addStreamQueries(builder: Builder, stream: StreamRef): void {
  builder.queryFields((t) => ({
    streams: t.field({
      type: [stream],
      nullable: true,
      description:
        "All streams, those of the system too, in order; names keep their device. One that has only metadata is listed too.",
      args: {
        ids: t.arg.stringList({
          description:
            "Only these, listed whether they are there or not. One that is no key is one of device `default`.",
        }),
        sids: t.arg.stringList({ description: "As `ids`.", deprecationReason: "Use `ids`." }),
        match: t.arg.string({ description: MATCH_DESCRIPTION }),
      },
      async resolve(_root, { ids, sids, match }, context, info) {
        const fields = selectedFields(info);
        const named = ids ?? sids;
        if (named?.length) {
          const found = await loadNamedStreams(context, fewNames(context, "ids", named), fields);
          return listStreams(context, found, info);
        }
        const keys = await context.lookups.knownStreamKeys(match || undefined);
        const all = keys.map((key) => ({ id: key, key }));
        return listStreams(context, await loadStreams(context, all, fields), info);
      },
    }),
    streamIds: t.stringList({
      nullable: true,
      description: "The names of all streams that have a key, in order, with their device.",
      args: { match: t.arg.string({ description: MATCH_DESCRIPTION }) },
      resolve: async (_root, { match }, context) =>
        listNames(context, await context.lookups.streamKeys(match || undefined)),
    }),
    stream: t.field({
      type: stream,
      nullable: true,
      description:
        "One stream. A name that is no key is one of device `default`. Where there is none, `error` says so.",
      args: { id: t.arg.string({ required: true, description: "Its name." }) },
      async resolve(_root, { id }, context, info) {
        const [found] = await loadNamedStreams(context, [streamIdOf(context, id)], selectedFields(info));
        return found;
      },
    }),
  }));
}

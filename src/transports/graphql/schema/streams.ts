/** GraphQL type `Stream` and the queries that list streams. */
import { type Declaration, readDeclaration } from "../../../domain/content/declaration.ts";
import { type Entry, fieldArguments } from "../../../domain/streams/entry.ts";
import { timeOfId } from "../../../domain/streams/entry-id.ts";
import { type EdgeEntry, NO_DETAILS, type StreamDetails } from "../../../redis/registry/stream-info.ts";
import type { OperationContext } from "../execution/context.ts";
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

/** GraphQL type of a stream. */
export type StreamRef = ReturnType<typeof addStreamType>;

const detailsOf = ({ record }: StreamNode): StreamDetails => record.details ?? NO_DETAILS;

/** Returns what the metadata declares. @throws GatewayError BAD_PAYLOAD if another program stored invalid JSON, TOO_LARGE */
const declared = ({ record }: StreamNode, work: WorkBudget): Declaration =>
  readDeclaration(metaOf(record.meta, work)).declaration;

/** Returns the size of an entry in bytes. The size of an omitted entry is the one that Redis reported. */
function bytesOf(edge: EdgeEntry | undefined): number {
  if (edge?.entry === undefined) return edge?.leftOut ?? 0;
  const { data, fields } = edge.entry;
  // Counts field names and values, like the Lua script on the server.
  const named = fieldArguments(fields).map((part) => Buffer.byteLength(part));
  return named.reduce((sum, bytes) => sum + bytes, data.length === 0 ? 0 : data.length + 1);
}

/** Adds the type `Stream`. @param connection type of a page of its history */
export function addStreamType(builder: Builder, connection: ConnectionRef) {
  const stream = builder.objectRef<StreamNode>("Stream");
  addDeclaredFields(builder, stream);
  return stream.implement({
    description: "A stream: its metadata, and the values that Redis reports in `XINFO STREAM`.",
    fields: (t) => {
      const count = (name: keyof StreamDetails & CountName, description: string) =>
        t.field({ type: "Count", description, resolve: (stream) => detailsOf(stream)[name] });
      const id = (name: keyof StreamDetails & IdName, description: string) =>
        t.string({ description, resolve: (stream) => detailsOf(stream)[name] });

      /** Fields of the first or the last entry. */
      const edgeFields = (side: "first" | "last") => {
        const edgeOf = (stream: StreamNode): EdgeEntry | undefined => detailsOf(stream)[side];
        /** @throws GatewayError TOO_LARGE if the payload was omitted because of its size, or of those before it */
        const entryOf = (stream: StreamNode, { payloads, work }: OperationContext): Entry | undefined => {
          const { mostPayloadBytes: most } = work;
          const { entry, leftOut } = edgeOf(stream) ?? {};
          if (entry === undefined && leftOut !== undefined)
            throw leftOut > most ? payloadTooLarge("entry", leftOut, most) : payloads.tooLarge();
          return entry;
        };
        return {
          id: t.string({
            description: `Id of the ${side} entry; empty if the stream has no entries.`,
            resolve: (stream) => edgeOf(stream)?.id ?? "",
          }),
          time: t.string({
            nullable: true,
            description: `Time of the ${side} entry in UTC, as ISO 8601 or in \`format\`; empty if the stream has no entries.`,
            args: { format: t.arg.string({ description: FORMAT_DESCRIPTION }) },
            resolve(stream, { format }) {
              const edge = edgeOf(stream);
              return edge === undefined ? "" : timeText(edge.id, format);
            },
          }),
          data: t.string({
            nullable: true,
            description: `Payload of the ${side} entry in base64; empty if the stream has no entries.`,
            resolve(stream, _args, context) {
              const entry = entryOf(stream, context);
              return entry === undefined ? "" : context.payloads.show(base64Of(entry.data, context.work));
            },
          }),
          string: t.string({
            nullable: true,
            description: `Payload of the ${side} entry as text; null with a field error if it is not UTF-8.`,
            resolve(stream, _args, context) {
              const entry = entryOf(stream, context);
              return entry === undefined ? "" : context.payloads.show(stringOf(entry.data, context.work));
            },
          }),
          json: t.field({
            type: "JSON",
            nullable: true,
            description: `Payload of the ${side} entry as JSON; null with a field error if it is not valid JSON.`,
            resolve(stream, _args, context) {
              const entry = entryOf(stream, context);
              return entry === undefined ? {} : jsonOf(entry.data, context.work);
            },
          }),
          fields: t.field({
            type: "JSON",
            description: `Fields of the ${side} entry. ${FIELDS_DESCRIPTION}`,
            resolve: (stream, _args, context) => fieldsJson(entryOf(stream, context)?.fields, context.work),
          }),
        };
      };
      const first = edgeFields("first");
      const last = edgeFields("last");

      return {
        id: t.exposeString("id", {
          description: "Name of the stream. In `Device.streams` without the device, elsewhere with it.",
        }),
        streamId: t.exposeString("id", { description: "As `id`.", deprecationReason: "Use `id`." }),
        sid: t.exposeString("id", { description: "As `id`.", deprecationReason: "Use `id`." }),
        meta: t.field({
          type: "JSON",
          nullable: true,
          description: "Metadata stored by `updateStreamMeta`; `{}` if there is none.",
          resolve: ({ record }, _args, { work }) => metaOf(record.meta, work),
        }),
        error: t.string({
          description: "Empty, or the error that Redis returned: `no such key` if the stream has no entries.",
          resolve: (stream) => detailsOf(stream).error,
        }),
        length: count("length", "Number of entries."),
        entriesAdded: count("entriesAdded", "Number of entries ever added (Redis 7)."),
        groups: count("groups", "Number of consumer groups."),
        radixTreeKeys: count("radixTreeKeys", "Number of keys in the radix tree that stores the stream."),
        radixTreeNodes: count("radixTreeNodes", "Number of nodes in the radix tree that stores the stream."),
        lastGeneratedId: id("lastGeneratedId", "Id of the entry added last, even if it was deleted."),
        maxDeletedEntryId: id("maxDeletedEntryId", "Greatest id ever deleted (Redis 7)."),
        recordedFirstEntryId: id(
          "recordedFirstEntryId",
          "Id of the first entry, as recorded by Redis (Redis 7).",
        ),
        keptMs: t.field({
          type: "Count",
          description: "Time between the first and the last entry, in ms: how far back a reader can start.",
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
          description:
            "Size of the last entry in bytes, including field names; 0 if the stream has no entries.",
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
          description: "History of the stream, page by page.",
          args: {
            start: t.arg.string({
              description:
                "First entry: an entry id, a time in ms, an ISO 8601 time, or `-`. A leading `(` excludes it.",
            }),
            end: t.arg.string({ description: "Last entry, in the same forms, or `+`." }),
            first: t.arg.int({ description: "Maximum number of entries in the page; 100 by default." }),
            after: t.arg.string({ description: "Cursor; the page starts after it." }),
            reverse: t.arg.boolean({ description: "Return the newest entries first." }),
          },
          resolve: ({ key }, args, context) => readPage(context, key, args),
        }),
      };
    },
  });
}

/** Adds the fields that the metadata declares. */
function addDeclaredFields(builder: Builder, stream: StreamRef): void {
  builder.objectFields(stream, (t) => ({
    contentType: t.string({
      nullable: true,
      description: "Media type of the payloads, declared in the metadata; null if none is.",
      resolve: (stream, _args, { work }) => declared(stream, work).contentType,
    }),
    schema: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Schema of the payloads, `{name, encoding, data}`, declared in the metadata; null if none is.",
      resolve: (stream, _args, { work }) => declared(stream, work).schema,
    }),
    title: t.string({
      nullable: true,
      description: "Short name for people, declared in the metadata; null if none is.",
      resolve: (stream, _args, { work }) => declared(stream, work).title,
    }),
    units: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Unit of all values, or an object from JSON path to unit, declared in the metadata; null if none is.",
      resolve: (stream, _args, { work }) => declared(stream, work).units,
    }),
  }));
}

type CountName = "length" | "entriesAdded" | "groups" | "radixTreeKeys" | "radixTreeNodes";
type IdName = "lastGeneratedId" | "maxDeletedEntryId" | "recordedFirstEntryId";

const MATCH_DESCRIPTION = "Only keys that match this Redis glob pattern, such as `cam?:*` or `*:imu`.";

/** Adds the queries `streams`, `streamIds` and `stream`. */
export function addStreamQueries(builder: Builder, stream: StreamRef): void {
  builder.queryFields((t) => ({
    streams: t.field({
      type: [stream],
      nullable: true,
      description:
        "All streams, sorted by name. Names include the device. System streams and streams with only metadata are listed too.",
      args: {
        ids: t.arg.stringList({
          description:
            "Only these streams, whether they exist or not. A name that is not a key is looked up under device `default`.",
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
      description: "Names of all streams that have entries, sorted. Names include the device.",
      args: { match: t.arg.string({ description: MATCH_DESCRIPTION }) },
      resolve: async (_root, { match }, context) =>
        listNames(context, await context.lookups.streamKeys(match || undefined)),
    }),
    stream: t.field({
      type: stream,
      nullable: true,
      description:
        "One stream. A name that is not a key is looked up under device `default`. `error` is set if the stream does not exist.",
      args: { id: t.arg.string({ required: true, description: "Name of the stream." }) },
      async resolve(_root, { id }, context, info) {
        const [found] = await loadNamedStreams(context, [streamIdOf(context, id)], selectedFields(info));
        return found;
      },
    }),
  }));
}

/** GraphQL type `Stream` and the queries that list streams. */
import { listNames, listStreams, loadNamedStreams, loadStreams } from "../execution/load-streams.ts";
import { selectedFields } from "../execution/selection.ts";
import type { Builder } from "./builder.ts";
import { type ConnectionRef, readPage } from "./entries.ts";
import { fewNames, streamIdOf } from "./names.ts";
import { metaOf } from "./payload.ts";
import { addEdgeFields } from "./stream-fields/edge-entry.ts";
import { addDeclaredFields, addReportedFields, createStreamRef } from "./stream-fields/whole-stream.ts";

/** GraphQL type of a stream. */
export type StreamRef = ReturnType<typeof addStreamType>;

/** Adds the type `Stream`. @param connection type of a page of its history */
export function addStreamType(builder: Builder, connection: ConnectionRef) {
  const stream = createStreamRef(builder);
  addReportedFields(builder, stream);
  addEdgeFields(builder, stream, "first");
  addEdgeFields(builder, stream, "last");
  addDeclaredFields(builder, stream);
  return stream.implement({
    description: "A stream: its metadata, and the values that Redis reports in `XINFO STREAM`.",
    fields: (t) => ({
      id: t.exposeString("id", {
        description: "Name of the stream. In `Device.streams` without the device, elsewhere with it.",
      }),
      streamId: t.exposeString("id", { description: "As `id`.", deprecationReason: "Use `id`." }),
      sid: t.exposeString("id", { description: "As `id`.", deprecationReason: "Use `id`." }),
      meta: t.field({
        type: "JSON",
        nullable: true,
        description: "Metadata stored by `updateStreamMeta`; `{}` if there is none.",
        resolve: ({ meta }, _args, context) => metaOf(meta, context),
      }),
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
    }),
  });
}

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
        sids: t.arg.stringList({ description: "Same as `ids`.", deprecationReason: "Use `ids`." }),
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

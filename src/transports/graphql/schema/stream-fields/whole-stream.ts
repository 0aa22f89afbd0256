/** Fields of `Stream` that Redis reports, and those that the metadata declares. */
import { timeOfId } from "../../../../domain/streams/entry-id.ts";
import { NO_DETAILS, type StreamDetails } from "../../../../redis/registry/details/stream-info.ts";
import type { StreamNode } from "../../execution/load-streams.ts";
import type { Builder } from "../builder.ts";
import { declaredOf } from "../payload.ts";

/** Creates the GraphQL type `Stream`, not implemented yet. */
export const createStreamRef = (builder: Builder) => builder.objectRef<StreamNode>("Stream");

/** GraphQL type `Stream`, not implemented yet. */
export type NewStreamRef = ReturnType<typeof createStreamRef>;

type CountName = "length" | "entriesAdded" | "groups" | "radixTreeKeys" | "radixTreeNodes";
type IdName = "lastGeneratedId" | "maxDeletedEntryId" | "recordedFirstEntryId";

const detailsOf = ({ record }: StreamNode): StreamDetails => record.details ?? NO_DETAILS;

/** Adds the fields that Redis reports about the whole stream. */
export function addReportedFields(builder: Builder, stream: NewStreamRef): void {
  builder.objectFields(stream, (t) => {
    const count = (name: keyof StreamDetails & CountName, description: string) =>
      t.field({ type: "Count", description, resolve: (stream) => detailsOf(stream)[name] });
    const id = (name: keyof StreamDetails & IdName, description: string) =>
      t.string({ description, resolve: (stream) => detailsOf(stream)[name] });
    return {
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
      lastEntryBytes: t.field({
        type: "Count",
        description:
          "Size of the last entry in bytes, including field names; 0 if the stream has no entries.",
        resolve: (stream) => detailsOf(stream).last?.bytes ?? 0,
      }),
    };
  });
}

/** Adds the fields that the metadata declares. */
export function addDeclaredFields(builder: Builder, stream: NewStreamRef): void {
  builder.objectFields(stream, (t) => ({
    contentType: t.string({
      nullable: true,
      description: "Media type of the payloads, declared in the metadata; null if none is.",
      resolve: ({ meta }, _args, context) => declaredOf(meta, "contentType", context),
    }),
    schema: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Schema of the payloads, `{name, encoding, data}`, declared in the metadata; null if none is.",
      resolve: ({ meta }, _args, context) => declaredOf(meta, "schema", context),
    }),
    title: t.string({
      nullable: true,
      description: "Short name for people, declared in the metadata; null if none is.",
      resolve: ({ meta }, _args, context) => declaredOf(meta, "title", context),
    }),
    units: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Unit of all values, or an object from JSON path to unit, declared in the metadata; null if none is.",
      resolve: ({ meta }, _args, context) => declaredOf(meta, "units", context),
    }),
  }));
}

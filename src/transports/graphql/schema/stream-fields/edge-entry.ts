/** Fields of `Stream` about its first or its last entry. */
import type { Entry } from "../../../../domain/streams/entry.ts";
import type { EdgeEntry } from "../../../../redis/registry/details/stream-info.ts";
import type { OperationContext } from "../../execution/context.ts";
import type { StreamNode } from "../../execution/load-streams.ts";
import type { Builder } from "../builder.ts";
import { FIELDS_DESCRIPTION, FORMAT_DESCRIPTION, fieldsJson } from "../entries.ts";
import { base64Of, jsonOf, payloadTooLarge, stringOf, timeText } from "../payload.ts";
import type { NewStreamRef } from "./whole-stream.ts";

/** Adds the fields of one entry: `firstEntryId` and so on. */
export function addEdgeFields(builder: Builder, stream: NewStreamRef, side: "first" | "last"): void {
  builder.objectFields(stream, (t) => {
    const edgeOf = (stream: StreamNode): EdgeEntry | undefined => stream.record.details?.[side];
    /** @throws GatewayError TOO_LARGE if the payload was omitted because of its size, or of those before it */
    const entryOf = (stream: StreamNode, { payloads, work }: OperationContext): Entry | undefined => {
      const { maxPayloadBytes: max } = work;
      const edge = edgeOf(stream);
      if (edge !== undefined && edge.entry === undefined)
        throw edge.bytes > max ? payloadTooLarge("entry", edge.bytes, max) : payloads.tooLarge();
      return edge?.entry;
    };
    return {
      [`${side}EntryId`]: t.string({
        description: `Id of the ${side} entry; empty if the stream has no entries.`,
        resolve: (stream) => edgeOf(stream)?.id ?? "",
      }),
      [`${side}EntryTime`]: t.string({
        nullable: true,
        description: `Time of the ${side} entry in UTC, as ISO 8601 or in \`format\`; empty if the stream has no entries.`,
        args: { format: t.arg.string({ description: FORMAT_DESCRIPTION }) },
        resolve(stream, { format }) {
          const edge = edgeOf(stream);
          return edge === undefined ? "" : timeText(edge.id, format);
        },
      }),
      [`${side}EntryData`]: t.string({
        nullable: true,
        description: `Payload of the ${side} entry in base64; empty if the stream has no entries.`,
        resolve(stream, _args, context) {
          const entry = entryOf(stream, context);
          return entry === undefined ? "" : context.payloads.show(base64Of(entry.data, context.work));
        },
      }),
      [`${side}EntryString`]: t.string({
        nullable: true,
        description: `Payload of the ${side} entry as text; null with a field error if it is not UTF-8.`,
        resolve(stream, _args, context) {
          const entry = entryOf(stream, context);
          return entry === undefined ? "" : context.payloads.show(stringOf(entry.data, context.work));
        },
      }),
      [`${side}EntryJson`]: t.field({
        type: "JSON",
        nullable: true,
        description: `Payload of the ${side} entry as JSON; null with a field error if it is not valid JSON.`,
        resolve(stream, _args, context) {
          const entry = entryOf(stream, context);
          return entry === undefined ? {} : jsonOf(entry.data, context.work);
        },
      }),
      [`${side}EntryFields`]: t.field({
        type: "JSON",
        description: `Fields of the ${side} entry. ${FIELDS_DESCRIPTION}`,
        resolve: (stream, _args, context) => fieldsJson(entryOf(stream, context)?.fields, context.work),
      }),
    };
  });
}

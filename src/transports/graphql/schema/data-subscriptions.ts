/** GraphQL subscriptions to new entries. Suited to small or textual payloads, since each payload is encoded as JSON. */

import { badParameter } from "../../../domain/errors.ts";
import type { Entry, Gap } from "../../../domain/streams/entry.ts";
import type { OperationContext } from "../execution/context.ts";
import { followStreams } from "../execution/follow-streams.ts";
import type { FollowedEntries } from "../execution/ready-entries.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import type { EntryRef } from "./entries.ts";
import { base64Of, jsonOf, stringOf } from "./payload.ts";
import { type RequestedIds, requestedStreams } from "./requested-streams.ts";
import { DEVICE_ARGUMENT } from "./stream-ids.ts";

/** Payload of one subscription event. */
interface DataNode extends FollowedEntries {
  /** True if `count` was given. Fields are then lists, even with one entry. */
  readonly isList: boolean;
}

interface DataArguments extends RequestedIds {
  readonly count?: number | null | undefined;
  readonly latest?: boolean | null | undefined;
}

/** Returns a value for each entry: a list if `count` was given, else a single value. In a list, values that fail are null. */
function perEntry<T>({ isList, entries }: DataNode, show: (entry: Entry) => T): T | null | (T | null)[] {
  const [only] = entries;
  if (!isList) return only === undefined ? null : show(only);
  return entries.map((entry) => {
    try {
      return show(entry);
    } catch {
      return null;
    }
  });
}

function addPayloadType(builder: Builder, entry: EntryRef) {
  const gap = builder.objectRef<Gap>("Gap").implement({
    description: "Entries with ids strictly between these two may be missing.",
    fields: (t) => ({
      after: t.exposeString("after", { description: "Id of the last entry before the gap." }),
      before: t.exposeString("before", { description: "Id of the first entry after the gap." }),
    }),
  });
  return builder.objectRef<DataNode>("DataPayload").implement({
    description: "One entry of a stream. If `count` is given, lists of entries.",
    fields: (t) => ({
      streamId: t.exposeString("stream", { description: "Name of the stream as given in `streamIds`." }),
      time: t.field({
        type: "StringOrList",
        description: "Entry id.",
        resolve: (node) => perEntry(node, ({ id }) => id) ?? "",
      }),
      data: t.field({
        type: "StringOrList",
        nullable: true,
        description: "Payload in base64.",
        resolve: (node, _args, { payloads, work }) =>
          perEntry(node, ({ data }) => payloads.show(base64Of(data, work))),
      }),
      string: t.field({
        type: "StringOrList",
        nullable: true,
        description:
          "Payload as text; null with a field error if it is not UTF-8. In a list, null without an error.",
        resolve: (node, _args, { payloads, work }) =>
          perEntry(node, ({ data }) => payloads.show(stringOf(data, work))),
      }),
      json: t.field({
        type: "JSON",
        nullable: true,
        description:
          "Payload as JSON; null with a field error if it is not valid JSON. In a list, null without an error.",
        resolve: (node, _args, { work }) => perEntry(node, ({ data }) => jsonOf(data, work)),
      }),
      entries: t.field({
        type: [entry],
        description: "The same entries, always as a list.",
        resolve: ({ entries }) => entries,
      }),
      gap: t.field({
        type: gap,
        nullable: true,
        description:
          "Set if entries before this one may be missing because they were trimmed or deleted before they were read; else null.",
        resolve: (followed) => followed.gap,
      }),
    }),
  });
}

/** Adds the subscriptions `data` and `streams`. @param withDevices false if keys have no device prefix */
export function addDataSubscriptions(builder: Builder, entry: EntryRef, withDevices: boolean): void {
  const payload = addPayloadType(builder, entry);
  builder.subscriptionFields((t) => {
    const args = {
      streamIds: t.arg({
        type: "JSON",
        required: true,
        description:
          "Streams: a list of names or patterns to read new entries, or an object from name or pattern to last entry id.",
      }),
      pattern: t.arg.boolean({
        defaultValue: true,
        description: "`*` in a name or in the device makes a pattern; if false, it is a literal character.",
      }),
      exclude: t.arg.stringList({ description: "Names and patterns of streams to exclude." }),
      count: t.arg.int({
        description: "Maximum number of entries in a payload. If given, fields of the payload are lists.",
      }),
      latest: t.arg.boolean({
        defaultValue: false,
        description: "Deliver only the newest entries each time the client is ready, never a backlog.",
      }),
    };
    const deviceId = t.arg.string({ description: DEVICE_ARGUMENT });
    const device = t.arg.string({ description: "Same as `deviceId` of `data`." });

    return {
      data: t.field({
        type: payload,
        description: "New entries of streams.",
        args: alsoDevice(withDevices, args, { deviceId }),
        subscribe: (_root, given, context) => follow(context, { ...given, device: given.deviceId }),
        resolve: (followed, { count }, context) => payloadOf(context, followed, count),
      }),
      streams: t.field({
        type: payload,
        description: "Same as `data`.",
        deprecationReason: "Use `data`.",
        args: alsoDevice(withDevices, args, { device }),
        subscribe: (_root, given, context) => follow(context, given),
        resolve: (followed, { count }, context) => payloadOf(context, followed, count),
      }),
    };
  });
}

function payloadOf(
  { payloads, work }: OperationContext,
  followed: FollowedEntries,
  count: number | null | undefined,
): DataNode {
  payloads.restart();
  work.renew();
  return { ...followed, isList: count != null };
}

async function follow(context: OperationContext, { count, latest, ...ids }: DataArguments) {
  const { maxBatchEntries } = context.config;
  if (count != null && !(count >= 1 && count <= maxBatchEntries))
    throw badParameter("count", `must be an integer between 1 and ${maxBatchEntries}, got ${count}`);
  const streams = await requestedStreams(context, ids);
  return followStreams(context, streams, { count: count ?? 1, latest: latest ?? false });
}

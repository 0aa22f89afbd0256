/** GraphQL subscriptions to new entries. Suited to small or textual payloads, since each payload is encoded as JSON. */
import { parseCursor } from "../../../domain/cursor.ts";
import type { Entry, Gap } from "../../../domain/entry.ts";
import { badParameter } from "../../../domain/errors.ts";
import { withoutRepeats } from "../../../domain/stream-name.ts";
import type { WantedStream } from "../../request/streams.ts";
import type { OperationContext } from "../execution/context.ts";
import { type FollowedEntries, followStreams } from "../execution/follow-streams.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import type { EntryRef } from "./entries.ts";
import { fewNames } from "./names.ts";
import { base64Of, jsonOf, stringOf } from "./payload.ts";
import { DEVICE_ARGUMENT, keysOfIds } from "./stream-ids.ts";

/** Payload of one subscription event. */
interface DataNode extends FollowedEntries {
  /** True if `count` was given. Fields are then lists, even with one entry. */
  readonly isList: boolean;
}

interface DataArguments {
  readonly streamIds?: unknown;
  readonly device?: string | null | undefined;
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

/**
 * Parses `streamIds`: one name, a list of names, or an object from name to the last entry id seen.
 *
 * @throws GatewayError BAD_PARAMETER
 */
async function wantedStreams(
  context: OperationContext,
  value: unknown,
  device: string | null | undefined,
): Promise<readonly WantedStream[]> {
  const pairs = pairsOf(value);
  if (pairs === undefined || pairs.length === 0)
    throw badParameter("streamIds", "must be a list of names, or an object from name to last entry id");
  const names = fewNames(
    context,
    "streamIds",
    pairs.map(([name]) => name),
  );
  const cursors = pairs.map(([name, cursor]) => parseCursor(cursor, `streamIds.${name.slice(0, 60)}`));
  const keys = await keysOfIds(context, "read", names, device);
  const streams = names.map((name, i) => ({ key: keys[i] ?? "", name, cursor: cursors[i] ?? "$" }));
  // Two ids can mean one key, such as "camera" and "default:camera". It is read once, under the first id.
  return streams.filter(({ key }, i) => keys.indexOf(key) === i);
}

function pairsOf(value: unknown): (readonly [name: string, cursor: string])[] | undefined {
  if (typeof value === "string") return [[value, "$"]];
  if (Array.isArray(value)) {
    if (!value.every((name) => typeof name === "string")) return undefined;
    return withoutRepeats(value).map((name) => [name, "$"]);
  }
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).map(([name, cursor]) => [name, String(cursor ?? "$")]);
}

/** Adds the subscriptions `data` and `streams`. @param withDevices false if keys have no device prefix */
export function addDataSubscriptions(builder: Builder, entry: EntryRef, withDevices: boolean): void {
  const gap = builder.objectRef<Gap>("Gap").implement({
    description: "Entries with ids strictly between these two may be missing.",
    fields: (t) => ({
      after: t.exposeString("after", { description: "Id of the last entry before the gap." }),
      before: t.exposeString("before", { description: "Id of the first entry after the gap." }),
    }),
  });
  const payload = builder.objectRef<DataNode>("DataPayload").implement({
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

  builder.subscriptionFields((t) => {
    const args = {
      streamIds: t.arg({
        type: "JSON",
        required: true,
        description: "Streams: a list of names to read new entries, or an object from name to last entry id.",
      }),
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

async function follow(context: OperationContext, { streamIds, device, count, latest }: DataArguments) {
  const { maxBatchEntries } = context.config;
  if (count != null && !(count >= 1 && count <= maxBatchEntries))
    throw badParameter("count", `must be an integer between 1 and ${maxBatchEntries}, got ${count}`);
  const streams = await wantedStreams(context, streamIds, device);
  return followStreams(context, streams, { count: count ?? 1, latest: latest ?? false });
}

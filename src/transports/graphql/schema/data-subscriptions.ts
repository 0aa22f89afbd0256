/** Subscriptions to entries as they come: for small and textual data, since every payload goes through JSON. */
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

/** One payload. */
interface DataNode extends FollowedEntries {
  /** `count` was given: fields are lists, also of one. */
  readonly isList: boolean;
}

interface DataArguments {
  readonly streamIds?: unknown;
  readonly device?: string | null | undefined;
  readonly count?: number | null | undefined;
  readonly latest?: boolean | null | undefined;
}

/** A value per entry: in a list where that was asked for, else alone. What cannot be shown is null in a list. */
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
 * Reads `streamIds`: one name, a list of names, or a map from name to the last entry id seen.
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
    throw badParameter("streamIds", "wants a list of names, or an object from name to last entry id");
  const names = fewNames(
    context,
    "streamIds",
    pairs.map(([name]) => name),
  );
  const cursors = pairs.map(([name, cursor]) => parseCursor(cursor, `streamIds.${name.slice(0, 60)}`));
  const keys = await keysOfIds(context, "read", names, device);
  const streams = names.map((name, i) => ({ key: keys[i] ?? "", name, cursor: cursors[i] ?? "$" }));
  // Two ids can mean one key, "camera" and "default:camera": it is read once, under the first.
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

/** Adds the subscriptions. Keys have no device where `withDevices` is false. */
export function addDataSubscriptions(builder: Builder, entry: EntryRef, withDevices: boolean): void {
  const gap = builder.objectRef<Gap>("Gap").implement({
    description: "Entries with ids between these two, neither of them included, may be gone.",
    fields: (t) => ({
      after: t.exposeString("after", { description: "The id that the subscription had come to." }),
      before: t.exposeString("before", { description: "The id of the first entry behind it." }),
    }),
  });
  const payload = builder.objectRef<DataNode>("DataPayload").implement({
    description: "One entry of a stream; with `count`, several in lists.",
    fields: (t) => ({
      streamId: t.exposeString("stream", { description: "The stream, without its device." }),
      time: t.field({
        type: "StringOrList",
        description: "The entry id.",
        resolve: (node) => perEntry(node, ({ id }) => id) ?? "",
      }),
      data: t.field({
        type: "StringOrList",
        nullable: true,
        description: "The payload in base64.",
        resolve: (node, _args, { payloads, work }) =>
          perEntry(node, ({ data }) => payloads.show(base64Of(data, work))),
      }),
      string: t.field({
        type: "StringOrList",
        nullable: true,
        description:
          "The payload as UTF-8 text; null, with an error beside it, where it is none. In a list just null.",
        resolve: (node, _args, { payloads, work }) =>
          perEntry(node, ({ data }) => payloads.show(stringOf(data, work))),
      }),
      json: t.field({
        type: "JSON",
        nullable: true,
        description:
          "The payload as JSON; null, with an error beside it, where it is none. In a list just null.",
        resolve: (node, _args, { work }) => perEntry(node, ({ data }) => jsonOf(data, work)),
      }),
      entries: t.field({
        type: [entry],
        description: "The same, always as a list of entries.",
        resolve: ({ entries }) => entries,
      }),
      gap: t.field({
        type: gap,
        nullable: true,
        description:
          "Where entries before this one may be gone, trimmed away or deleted with their stream before they were read; else null.",
        resolve: (followed) => followed.gap,
      }),
    }),
  });

  builder.subscriptionFields((t) => {
    const args = {
      streamIds: t.arg({
        type: "JSON",
        required: true,
        description:
          "The streams: a list of names, read from now on, or an object from name to last entry id.",
      }),
      count: t.arg.int({ description: "Up to so many entries in a payload, whose fields are then lists." }),
      latest: t.arg.boolean({
        defaultValue: false,
        description: "The newest entries each time the client is ready, never a backlog.",
      }),
    };
    const deviceId = t.arg.string({ description: DEVICE_ARGUMENT });
    const device = t.arg.string({ description: "As `deviceId` of `data`." });

    return {
      data: t.field({
        type: payload,
        description: "Entries as they come.",
        args: alsoDevice(withDevices, args, { deviceId }),
        subscribe: (_root, given, context) => follow(context, { ...given, device: given.deviceId }),
        resolve: (followed, { count }, context) => payloadOf(context, followed, count),
      }),
      streams: t.field({
        type: payload,
        description: "As `data`.",
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
  const { maxBatchEntries } = context.limits;
  if (count != null && !(count >= 1 && count <= maxBatchEntries))
    throw badParameter("count", `wants a whole number from 1 to ${maxBatchEntries}, not ${count}`);
  const streams = await wantedStreams(context, streamIds, device);
  return followStreams(context, streams, { count: count ?? 1, latest: latest ?? false });
}

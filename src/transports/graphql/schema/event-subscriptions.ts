/** GraphQL subscriptions to events: devices that connect and disconnect, and changes of stream metadata. */
import { may } from "../../../access/identity/authorize.ts";
import { accountName } from "../../../access/limits/limits.ts";
import { GatewayError } from "../../../domain/errors.ts";
import { parseCursor } from "../../../domain/streams/cursor.ts";
import type { Entry } from "../../../domain/streams/entry.ts";
import { EVENT_DEVICE_CONNECTED } from "../../../redis/keys.ts";
import type { OperationContext } from "../execution/context.ts";
import { followStreams } from "../execution/follow-streams.ts";
import type { WorkBudget } from "../execution/limits/work-budget.ts";
import { createPullIterator } from "../execution/pull-iterator.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import { devicePrefix, fewNames } from "./names.ts";
import { type LoadedMeta, loadedMeta, metaOf, storedJsonOf } from "./payload.ts";

/** Maximum number of undelivered metadata changes. The subscription of a client that falls further behind ends. */
const MAX_CHANGES = 10_000;

interface MetaChange {
  /** Name under which the subscription reports the stream. */
  readonly id: string;
  readonly key: string;
}

/** Returns a member of an event's JSON object. @throws GatewayError BAD_PAYLOAD if the event is not valid JSON */
function member(entry: Entry, name: string, work: WorkBudget): unknown {
  const event = storedJsonOf(entry.data, "the event", work);
  return typeof event === "object" && event !== null ? (event as Record<string, unknown>)[name] : undefined;
}

/** Adds the subscription `devices`. */
export function addDeviceEvents(builder: Builder): void {
  const event = builder.objectRef<Entry>("DeviceEvent").implement({
    description: "A device connected or disconnected.",
    fields: (t) => ({
      id: t.exposeString("id", { description: "Entry id of the event." }),
      deviceId: t.string({
        nullable: true,
        description: "Device id.",
        resolve: (entry, _args, { work }) => String(member(entry, "device_id", work) ?? ""),
      }),
      connected: t.boolean({
        nullable: true,
        description: "Whether the device is connected now.",
        resolve: (entry, _args, { work }) => member(entry, "connected", work) === true,
      }),
      meta: t.field({
        type: "JSON",
        nullable: true,
        description: "Metadata of the device, if the event contains it.",
        resolve: (entry, _args, { work }) => member(entry, "meta", work),
      }),
    }),
  });

  builder.subscriptionField("devices", (t) =>
    t.field({
      type: event,
      description: "Devices that connect and disconnect.",
      args: {
        lastEntryId: t.arg.string({
          defaultValue: "$",
          description: "Id of the last event seen; `0` for all stored events, `$` for new events only.",
        }),
      },
      subscribe(_root, { lastEntryId }, context) {
        const cursor = parseCursor(lastEntryId ?? "$", "lastEntryId");
        const stream = { key: EVENT_DEVICE_CONNECTED, name: EVENT_DEVICE_CONNECTED, cursor };
        return followStreams(context, { named: [stream], pattern: undefined }, { count: 1, latest: false });
      },
      resolve: ({ entries }, _args, { payloads, work }) => {
        payloads.restart();
        work.renew();
        const [entry] = entries;
        if (entry === undefined) throw new GatewayError("INTERNAL", "a device event has no entry");
        return entry;
      },
    }),
  );
}

/** Adds the subscription `streamMeta`. @param withDevices false if keys have no device prefix */
export function addMetaEvents(builder: Builder, withDevices: boolean): void {
  const change = builder.objectRef<MetaChange>("StreamMetaEvent").implement({
    description: "The metadata of a stream changed.",
    fields: (t) => ({
      streamId: t.exposeString("id", {
        description: "Name of the stream; without the device if `deviceId` is given.",
      }),
      meta: t.field({
        type: "JSON",
        nullable: true,
        description: "New metadata; `{}` if it was deleted.",
        resolve: async ({ key }, _args, context) => metaOf(await readMeta(key, context), context),
      }),
    }),
  });

  builder.subscriptionField("streamMeta", (t) =>
    t.field({
      type: change,
      description:
        "Changes of stream metadata by any client. After Redis was unavailable, all metadata is sent again.",
      args: alsoDevice(
        withDevices,
        {
          streamIds: t.arg.stringList({
            description:
              "Only these streams. Without `deviceId`, ids are keys as lists show them, or streams of device `default`.",
          }),
        },
        {
          deviceId: t.arg.string({
            description:
              'Device of the streams; `""` for keys without a device. If omitted, ids include the device.',
          }),
        },
      ),
      subscribe(_root, { streamIds, deviceId }, context) {
        const ids = streamIds && new Set(fewNames(context, "streamIds", streamIds));
        return watchMeta(context, idOfKey(context, deviceId, ids));
      },
      resolve(event, _args, { payloads, work }) {
        payloads.restart();
        work.renew();
        return event;
      },
    }),
  );
}

/** Reads the metadata of a stream. @throws GatewayError if Redis is unavailable, or OVERLOADED */
async function readMeta(key: string, context: OperationContext): Promise<LoadedMeta> {
  const { payloads, parsedMetas, visitor, streams } = context;
  const stored = await streams.registry.meta(key, { client: accountName(visitor), admit: payloads.take });
  return loadedMeta(stored, parsedMetas, payloads.tooLarge);
}

/** Returns the id under which a subscription reports a stream key; undefined if it does not follow that stream. */
type IdOfKey = (key: string) => string | undefined;

function idOfKey(
  context: OperationContext,
  device: string | null | undefined,
  ids: ReadonlySet<string> | null | undefined,
): IdOfKey {
  const { noDevicePrefix } = context.config;
  const isWanted = (id: string) => !ids || ids.has(id);
  if (device == null || noDevicePrefix) {
    const ofDefault = devicePrefix(context, null);
    return (key) => {
      if (isWanted(key)) return key;
      const id = key.startsWith(ofDefault) ? key.slice(ofDefault.length) : key;
      return isWanted(id) ? id : undefined;
    };
  }
  const prefix = devicePrefix(context, device);
  return (key) => {
    const id = key.slice(prefix.length);
    const isOfDevice = prefix === "" ? !key.includes(":") || ids?.has(key) : key.startsWith(prefix);
    return isOfDevice && isWanted(id) ? id : undefined;
  };
}

async function watchMeta(
  { streams: { metaWatch }, access: { closing }, visitor }: OperationContext,
  idOf: IdOfKey,
): Promise<AsyncGenerator<MetaChange, undefined, undefined>> {
  /** Keys of the streams that changed and have not been delivered yet, by id. Their metadata is read when the client is ready. */
  const changes = new Map<string, string>();

  function take(): MetaChange | undefined {
    for (const [id, key] of changes) {
      changes.delete(id);
      return { id, key };
    }
    return undefined;
  }

  let stop: (() => void) | undefined;
  const { iterator, wake, end } = createPullIterator(take, () => {
    stop?.();
    forget();
  });
  const forget = closing.add(() => end(new GatewayError("SHUTTING_DOWN", "the gateway is shutting down")));
  stop = await metaWatch.watch((key) => {
    const id = idOf(key);
    if (id === undefined || !may(visitor.identity, "read", key)) return;
    changes.set(id, key);
    if (changes.size > MAX_CHANGES)
      end(
        new GatewayError(
          "TOO_LARGE",
          `the client is too slow: more than ${MAX_CHANGES} metadata changes are undelivered`,
        ),
      );
    else wake();
  });
  return iterator;
}

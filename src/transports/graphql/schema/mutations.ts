/** What clients change: devices, metadata, streams. */
import { authorize, authorizeGateway, wholeDevice } from "../../../access/identity/authorize.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import { readRetention } from "../../../domain/retention.ts";
import { checkName } from "../../../domain/stream-name.ts";
import { checkJsonBounds } from "../../../wire/json-text.ts";
import type { OperationContext } from "../execution/context.ts";
import { unmarkNumbers } from "../execution/exact-numbers.ts";
import type { WorkBudget } from "../execution/work-budget.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import { eitherOf } from "./names.ts";
import { storedJsonOf } from "./payload.ts";
import { DEVICE_ARGUMENT, keyOfId } from "./stream-ids.ts";

const STREAM = ["streamId", "sid"] as const;
const DEVICE = ["deviceId", "id"] as const;

/** JSON of metadata; none given, and null, is an empty object. */
function metaJson(meta: unknown): string {
  const json = unmarkNumbers(JSON.stringify(meta ?? {}));
  // What is stored has to be readable, whichever way it came in.
  checkJsonBounds(json, "meta");
  return json;
}

/** Adds the mutations of streams' metadata. Keys have no device where `withDevices` is false. */
export function addStreamMutations(builder: Builder, withDevices: boolean): void {
  builder.mutationFields((t) => {
    const streamArgs = {
      streamId: t.arg.string({ description: "The stream: its id below its device, or as lists show it." }),
      sid: t.arg.string({ description: "As `streamId`." }),
    };
    const deviceArg = { deviceId: t.arg.string({ description: DEVICE_ARGUMENT }) };
    const args = alsoDevice(withDevices, streamArgs, deviceArg);

    return {
      updateStreamMeta: t.field({
        type: "JSON",
        nullable: true,
        description:
          'Gives a stream metadata, any JSON: `{meta_set}`. `maxEntries`, `maxAge` (`"24h"`) and `maxBytes` (`"64m"`) limit what the stream keeps.',
        args: {
          ...args,
          meta: t.arg({ type: "JSON", required: true, description: "The metadata." }),
          update: t.arg.boolean({
            defaultValue: false,
            description: "Merge it into the object that is there, instead of replacing it.",
          }),
        },
        async resolve(_root, { streamId, sid, deviceId, meta, update }, context) {
          const key = await keyOfId(context, "write", eitherOf(STREAM, streamId, sid), deviceId);
          const { registry, retention } = context;
          const [problem] = readRetention(meta).problems;
          if (problem !== undefined) throw badParameter("meta", problem);
          let json = metaJson(meta);
          const isSet = update
            ? await registry.changeStreamMeta(key, (old) => {
                json = metaJson(merged(old, meta, context.work));
                return json;
              })
            : await registry.setStreamMeta(key, json);
          if (isSet) retention.learn(key, json);
          return { meta_set: isSet };
        },
      }),
      deleteStream: t.field({
        type: "JSON",
        nullable: true,
        description: "Deletes a stream with its metadata: `{data_deleted, meta_deleted, stream_deleted}`.",
        args,
        async resolve(_root, { streamId, sid, deviceId }, context) {
          const key = await keyOfId(context, "admin", eitherOf(STREAM, streamId, sid), deviceId);
          const { data, meta, stream } = await context.registry.deleteStream(key);
          return { data_deleted: data, meta_deleted: meta, stream_deleted: stream };
        },
      }),
      flush: t.int({
        nullable: true,
        description: "Deletes everything in the database, and answers 1. Refused unless `ENABLE_FLUSH=1`.",
        async resolve(_root, _args, { enableFlush, registry, visitor }) {
          authorizeGateway(visitor.identity, "admin");
          if (!enableFlush)
            throw new GatewayError("NOT_ENABLED", "flush deletes everything; ENABLE_FLUSH=1 allows it");
          await registry.flush();
          return 1;
        },
      }),
    };
  });
}

/**
 * A device that the client may change: it may write to all of its streams.
 *
 * @throws GatewayError BAD_PARAMETER where it has no name, or FORBIDDEN
 */
function writableDevice({ visitor, limits }: OperationContext, device: string): string {
  if (device === "") throw badParameter("deviceId", "is empty");
  checkName("deviceId", device, limits.maxNameBytes);
  authorize(visitor.identity, "write", [wholeDevice(device)]);
  return device;
}

/** Adds the mutations of devices. */
export function addDeviceMutations(builder: Builder): void {
  builder.mutationFields((t) => {
    const args = {
      deviceId: t.arg.string({ description: "The device." }),
      id: t.arg.string({ description: "As `deviceId`." }),
    };
    return {
      connectDevice: t.field({
        type: "JSON",
        nullable: true,
        description:
          'Says that a device is there: `{connection_status_changed, connected, is_new_device, meta_set, "fired:device.connected", "fired:device.meta"}`.',
        args: {
          ...args,
          meta: t.arg({
            type: "JSON",
            description: "Its metadata, any JSON; not given, what there is stays.",
          }),
        },
        resolve: (_root, { deviceId, id, meta }, context) =>
          context.registry.devices.connect(
            writableDevice(context, eitherOf(DEVICE, deviceId, id)),
            meta === undefined ? undefined : metaJson(meta),
          ),
      }),
      disconnectDevice: t.field({
        type: "JSON",
        nullable: true,
        description:
          'Says that a device is gone: `{connection_status_changed, connected, "fired:device.connected"}`.',
        args,
        resolve: (_root, { deviceId, id }, context) =>
          context.registry.devices.disconnect(writableDevice(context, eitherOf(DEVICE, deviceId, id))),
      }),
      updateDeviceMeta: t.field({
        type: "JSON",
        nullable: true,
        description: 'Gives a device metadata, any JSON: `{meta_set, "fired:device.meta"}`.',
        args: { ...args, meta: t.arg({ type: "JSON", required: true, description: "The metadata." }) },
        resolve: (_root, { deviceId, id, meta }, context) =>
          context.registry.devices.updateMeta(
            writableDevice(context, eitherOf(DEVICE, deviceId, id)),
            metaJson(meta),
          ),
      }),
    };
  });
}

/** What is there with what is new in it. @throws GatewayError where either is no object */
function merged(old: Uint8Array | undefined, meta: unknown, work: WorkBudget): unknown {
  const before = old === undefined ? {} : storedJsonOf(old, "the metadata", work);
  if (!isObject(before))
    throw new GatewayError("BAD_PAYLOAD", "the metadata that is there is no object to merge into");
  if (!isObject(meta)) throw new GatewayError("BAD_PARAMETER", "meta is no object to merge");
  return { ...before, ...meta };
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

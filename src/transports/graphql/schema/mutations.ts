/** GraphQL mutations of devices, metadata and streams. */

import { authorize, authorizeGateway, wholeDevice } from "../../../access/identity/authorize.ts";
import { readDeclaration } from "../../../domain/content/declaration.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import { isObject } from "../../../domain/is-object.ts";
import { shown } from "../../../domain/shown.ts";
import { readRetention } from "../../../domain/streams/retention.ts";
import { checkName } from "../../../domain/streams/stream-name.ts";
import { checkJsonBounds } from "../../../wire/json/json-text.ts";
import { unmarkNumbers } from "../../request/exact-numbers.ts";
import type { OperationContext } from "../execution/context.ts";
import type { WorkBudget } from "../execution/limits/work-budget.ts";
import { alsoDevice, type Builder } from "./builder.ts";
import { eitherOf } from "./names.ts";
import { storedJsonOf } from "./payload.ts";
import { DEVICE_ARGUMENT, keyOfId } from "./stream-ids.ts";

const STREAM = ["streamId", "sid"] as const;
const DEVICE = ["deviceId", "id"] as const;

/** Encodes metadata as JSON; null and undefined become an empty object. */
function metaJson(meta: unknown): string {
  const json = unmarkNumbers(JSON.stringify(meta ?? {}));
  // Variables and literals are bounded alike, so that stored metadata stays readable.
  checkJsonBounds(json, "meta");
  return json;
}

/** Adds the mutations of streams. @param withDevices false if keys have no device prefix */
export function addStreamMutations(builder: Builder, withDevices: boolean): void {
  builder.mutationFields((t) => {
    const streamArgs = {
      streamId: t.arg.string({
        description: "Stream id without the device, or the complete name as lists show it.",
      }),
      sid: t.arg.string({ description: "Same as `streamId`." }),
    };
    const deviceArg = { deviceId: t.arg.string({ description: DEVICE_ARGUMENT }) };
    const args = alsoDevice(withDevices, streamArgs, deviceArg);

    return {
      updateStreamMeta: t.field({
        type: "JSON",
        nullable: true,
        description:
          'Stores the metadata of a stream, any JSON; returns `{meta_set}`. `maxEntries`, `maxAge` (`"24h"`) and `maxBytes` (`"64m"`) set the retention of the stream; `contentType`, `schema`, `units`, `frameId`, `title` and `description` describe its payloads.',
        args: {
          ...args,
          meta: t.arg({ type: "JSON", required: true, description: "Metadata, any JSON." }),
          update: t.arg.boolean({
            defaultValue: false,
            description: "Merge into the stored object instead of replacing it.",
          }),
        },
        async resolve(_root, { streamId, sid, deviceId, meta, update }, context) {
          const key = await keyOfId(context, "write", eitherOf(STREAM, streamId, sid), deviceId);
          const { declarations, registry, retention } = context.streams;
          const [problem] = [...readRetention(meta).problems, ...readDeclaration(meta).problems];
          if (problem !== undefined) throw badParameter("meta", problem);
          let json = metaJson(meta);
          const isSet = update
            ? await registry.changeStreamMeta(key, (old) => {
                json = metaJson(merged(old, meta, context.work));
                return json;
              })
            : await registry.setStreamMeta(key, json);
          if (isSet) retention.learn(key, json);
          declarations.forget(key);
          return { meta_set: isSet };
        },
      }),
      deleteStream: t.field({
        type: "JSON",
        nullable: true,
        description:
          "Deletes a stream and its metadata; returns `{data_deleted, meta_deleted, stream_deleted}`.",
        args,
        async resolve(_root, { streamId, sid, deviceId }, context) {
          const key = await keyOfId(context, "admin", eitherOf(STREAM, streamId, sid), deviceId);
          const { declarations, registry } = context.streams;
          const { data, meta, stream } = await registry.deleteStream(key);
          declarations.forget(key);
          return { data_deleted: data, meta_deleted: meta, stream_deleted: stream };
        },
      }),
      flush: t.int({
        nullable: true,
        description: "Deletes all keys of the database and returns 1. Rejected unless `ENABLE_FLUSH=1`.",
        async resolve(_root, _args, { config, streams: { registry }, visitor }) {
          authorizeGateway(visitor.identity, "admin");
          if (!config.enableFlush)
            throw new GatewayError(
              "NOT_ENABLED",
              "flush is disabled because it deletes all keys; set ENABLE_FLUSH=1 to enable it",
            );
          await registry.flush();
          return 1;
        },
      }),
    };
  });
}

/**
 * Validates a device that the client wants to change, which requires write permission on all its streams.
 *
 * @throws GatewayError BAD_PARAMETER if the name is empty or too long, or FORBIDDEN
 */
function writableDevice({ visitor, config }: OperationContext, device: string): string {
  if (device === "") throw badParameter("deviceId", "must not be empty");
  checkName("deviceId", device, config.maxNameBytes);
  authorize(visitor.identity, "write", [wholeDevice(device)]);
  return device;
}

/** Adds the mutations of devices. */
export function addDeviceMutations(builder: Builder): void {
  builder.mutationFields((t) => {
    const args = {
      deviceId: t.arg.string({ description: "Device id." }),
      id: t.arg.string({ description: "Same as `deviceId`." }),
    };
    return {
      connectDevice: t.field({
        type: "JSON",
        nullable: true,
        description:
          'Marks a device as connected; returns `{connection_status_changed, connected, is_new_device, meta_set, "fired:device.connected", "fired:device.meta"}`.',
        args: {
          ...args,
          meta: t.arg({
            type: "JSON",
            description: "Metadata, any JSON. If omitted, the stored metadata is kept.",
          }),
        },
        resolve: (_root, { deviceId, id, meta }, context) =>
          context.streams.registry.devices.connect(
            writableDevice(context, eitherOf(DEVICE, deviceId, id)),
            meta === undefined ? undefined : metaJson(meta),
          ),
      }),
      disconnectDevice: t.field({
        type: "JSON",
        nullable: true,
        description:
          'Marks a device as disconnected; returns `{connection_status_changed, connected, "fired:device.connected"}`.',
        args,
        resolve: (_root, { deviceId, id }, context) =>
          context.streams.registry.devices.disconnect(
            writableDevice(context, eitherOf(DEVICE, deviceId, id)),
          ),
      }),
      updateDeviceMeta: t.field({
        type: "JSON",
        nullable: true,
        description: 'Stores the metadata of a device, any JSON; returns `{meta_set, "fired:device.meta"}`.',
        args: { ...args, meta: t.arg({ type: "JSON", required: true, description: "Metadata, any JSON." }) },
        resolve: (_root, { deviceId, id, meta }, context) =>
          context.streams.registry.devices.updateMeta(
            writableDevice(context, eitherOf(DEVICE, deviceId, id)),
            metaJson(meta),
          ),
      }),
    };
  });
}

/** Merges metadata into the stored metadata. @throws GatewayError if either is not an object */
function merged(old: Uint8Array | undefined, meta: unknown, work: WorkBudget): unknown {
  const before = old === undefined ? {} : storedJsonOf(old, "the metadata", work);
  if (!isObject(before))
    throw new GatewayError(
      "BAD_PAYLOAD",
      `the stored metadata must be an object to merge into, and is ${shown(before)}`,
    );
  if (!isObject(meta)) throw badParameter("meta", `must be an object to merge, got ${shown(meta)}`);
  return { ...before, ...meta };
}

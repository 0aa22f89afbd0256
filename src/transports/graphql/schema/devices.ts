/** GraphQL type `Device` and the queries that list devices. */
import { authorize, authorizeDevice, maySee } from "../../../access/identity/authorize.ts";
import { accountName } from "../../../access/limits/limits.ts";
import { SMALL_VALUE_BYTES } from "../../../redis/registry/stored-values.ts";
import type { OperationContext } from "../execution/context.ts";
import { EXPANSION } from "../execution/limits/payload-budget.ts";
import { listNames, listStreams, loadStreams } from "../execution/load-streams.ts";
import { countFields, selectedFields } from "../execution/selection.ts";
import type { Builder } from "./builder.ts";
import { deviceOf, devicePrefix, fewNames, streamIdOf } from "./names.ts";
import { loadedMeta, metaOf } from "./payload.ts";
import type { StreamRef } from "./streams.ts";

/** Device as passed to the resolvers of its fields. */
interface DeviceNode {
  readonly id: string;
}

/** Returns the stream ids of a device. An empty `prefix` selects keys without a colon, which belong to no device. */
async function idsWithin(keys: Promise<readonly string[]>, prefix: string): Promise<readonly string[]> {
  if (prefix === "") return (await keys).filter((key) => !key.includes(":"));
  return (await keys).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

/** Adds the type `Device` and the queries `devices` and `device`. */
export function addDevices(builder: Builder, stream: StreamRef): void {
  addDeviceQueries(builder, addDeviceType(builder, stream));
}

function addDeviceType(builder: Builder, stream: StreamRef) {
  return builder.objectRef<DeviceNode>("Device").implement({
    description: "A device: a client that pushes streams under a name of its own.",
    fields: (t) => {
      const deviceArgs = {
        deviceId: t.arg.string({ description: "Device to use instead of this one." }),
        device_id: t.arg.string({ description: "Same as `deviceId`.", deprecationReason: "Use `deviceId`." }),
      };
      const prefixOf = (
        context: OperationContext,
        { id }: DeviceNode,
        args: { deviceId?: string | null | undefined; device_id?: string | null | undefined },
      ) => devicePrefix(context, args.deviceId ?? args.device_id ?? id);

      return {
        id: t.exposeString("id", { description: "Name of the device." }),
        meta: t.field({
          type: "JSON",
          nullable: true,
          description: "Metadata stored by `connectDevice` or `updateDeviceMeta`; `{}` if there is none.",
          async resolve({ id }, _args, context) {
            authorizeDevice(context.visitor.identity, id);
            const { payloads, parsedMetas, visitor, streams } = context;
            const options = { client: accountName(visitor), admit: payloads.take };
            const stored = await streams.registry.devices.meta(id, options);
            return metaOf(loadedMeta(stored, parsedMetas, payloads.tooLarge), context);
          },
        }),
        streamIds: t.stringList({
          nullable: true,
          description: "Names of its streams that have entries, sorted. Names do not include the device.",
          args: deviceArgs,
          resolve: async (parent, args, context) =>
            listNames(
              context,
              await idsWithin(context.lookups.streamKeys(), prefixOf(context, parent, args)),
            ),
        }),
        sids: t.stringList({
          nullable: true,
          description: "Same as `streamIds`.",
          deprecationReason: "Use `streamIds`.",
          resolve: async (parent, _args, context) =>
            listNames(context, await idsWithin(context.lookups.streamKeys(), prefixOf(context, parent, {}))),
        }),
        streams: t.field({
          type: [stream],
          nullable: true,
          description:
            "Its streams, sorted by name. Names do not include the device. Streams with only metadata are listed too.",
          args: deviceArgs,
          async resolve(parent, args, context, info) {
            const prefix = prefixOf(context, parent, args);
            const ids = await idsWithin(context.lookups.knownStreamKeys(), prefix);
            const named = ids.map((id) => ({ id, key: prefix + id }));
            return listStreams(context, await loadStreams(context, named, selectedFields(info)), info);
          },
        }),
        stream: t.field({
          type: stream,
          nullable: true,
          description: "One of its streams. `error` is set if the stream does not exist.",
          args: {
            streamId: t.arg.string({ required: true, description: "Name of the stream without the device." }),
          },
          async resolve(parent, { streamId }, context, info) {
            const id = streamIdOf(context, streamId);
            const key = prefixOf(context, parent, {}) + id;
            authorize(context.visitor.identity, "read", [key]);
            const [found] = await loadStreams(context, [{ id, key }], selectedFields(info));
            return found;
          },
        }),
      };
    },
  });
}

function addDeviceQueries(builder: Builder, device: ReturnType<typeof addDeviceType>): void {
  builder.queryFields((t) => ({
    devices: t.field({
      type: [device],
      nullable: true,
      description: "Devices that are connected now, sorted by name.",
      args: {
        ids: t.arg.stringList({ description: "Only these devices, whether they are connected or not." }),
        includeAll: t.arg.boolean({ description: "Include devices that were connected before." }),
        include_all: t.arg.boolean({
          description: "Same as `includeAll`.",
          deprecationReason: "Use `includeAll`.",
        }),
      },
      async resolve(_root, { ids, includeAll, include_all }, context, info) {
        const { devices } = context.streams.registry;
        const { identity } = context.visitor;
        if (ids?.length) return fewNames(context, "ids", ids).map((id) => ({ id: deviceOf(context, id) }));
        const found = await ((includeAll ?? include_all) ? devices.seen() : devices.connected());
        const seen = found.filter((id) => maySee(identity, id)).map((id) => ({ id }));
        // Large metadata is counted when it is read.
        if (selectedFields(info).has("meta"))
          await context.payloads.hold(seen.length * SMALL_VALUE_BYTES * EXPANSION);
        return context.work.list(seen, countFields(info));
      },
    }),
    device: t.field({
      type: device,
      nullable: true,
      description: "One device, whether it is connected or not.",
      args: {
        id: t.arg.string({
          defaultValue: "default",
          description: 'Name of the device; `""` selects streams whose key has no device.',
        }),
      },
      resolve: (_root, { id }, context) => ({ id: deviceOf(context, id) }),
    }),
  }));
}

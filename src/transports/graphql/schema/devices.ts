/** Devices: who is there, and the streams of each. */
import { authorize, authorizeDevice, maySee } from "../../../access/identity/authorize.ts";
import type { OperationContext } from "../execution/context.ts";
import { listNames, listStreams, loadStreams } from "../execution/load-streams.ts";
import { countFields, selectedFields } from "../execution/selection.ts";
import type { Builder } from "./builder.ts";
import { deviceOf, devicePrefix, fewNames, streamIdOf } from "./names.ts";
import { metaOf } from "./payload.ts";
import type { StreamRef } from "./streams.ts";

/** A device as its fields' resolvers get it. */
interface DeviceNode {
  readonly id: string;
}

/** Selects the stream ids of a device among keys. Without a device, `prefix` is empty: the keys without a colon. */
async function idsWithin(keys: Promise<readonly string[]>, prefix: string): Promise<readonly string[]> {
  if (prefix === "") return (await keys).filter((key) => !key.includes(":"));
  return (await keys).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

/** Adds the type and its queries. */
export function addDevices(builder: Builder, stream: StreamRef): void {
  const device = builder.objectRef<DeviceNode>("Device").implement({
    description: "A device: whatever pushes streams under a name of its own.",
    fields: (t) => {
      const deviceArgs = {
        deviceId: t.arg.string({ description: "Another device than this one." }),
        device_id: t.arg.string({ description: "As `deviceId`.", deprecationReason: "Use `deviceId`." }),
      };
      const prefixOf = (
        context: OperationContext,
        { id }: DeviceNode,
        args: { deviceId?: string | null | undefined; device_id?: string | null | undefined },
      ) => devicePrefix(context, args.deviceId ?? args.device_id ?? id);

      return {
        id: t.exposeString("id", { description: "Its name." }),
        meta: t.field({
          type: "JSON",
          nullable: true,
          description: "The metadata given when it was connected or updated; `{}` where there is none.",
          async resolve({ id }, _args, { registry, visitor, work }) {
            authorizeDevice(visitor.identity, id);
            return metaOf(await registry.devices.meta(id), work);
          },
        }),
        streamIds: t.stringList({
          nullable: true,
          description: "The names of its streams that have entries, in order, without the device.",
          args: deviceArgs,
          resolve: async (parent, args, context) =>
            listNames(
              context,
              await idsWithin(context.lookups.streamKeys(), prefixOf(context, parent, args)),
            ),
        }),
        sids: t.stringList({
          nullable: true,
          description: "As `streamIds`.",
          deprecationReason: "Use `streamIds`.",
          resolve: async (parent, _args, context) =>
            listNames(context, await idsWithin(context.lookups.streamKeys(), prefixOf(context, parent, {}))),
        }),
        streams: t.field({
          type: [stream],
          nullable: true,
          description:
            "Its streams, in order, without the device in their names. One that has only metadata is listed too.",
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
          description: "One of its streams. Where there is none, `error` says so.",
          args: { streamId: t.arg.string({ required: true, description: "Its name, without the device." }) },
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

  builder.queryFields((t) => ({
    devices: t.field({
      type: [device],
      nullable: true,
      description: "The devices that are connected now, in order.",
      args: {
        ids: t.arg.stringList({ description: "Only these, listed whether they are there or not." }),
        includeAll: t.arg.boolean({ description: "Also those that were connected once." }),
        include_all: t.arg.boolean({
          description: "As `includeAll`.",
          deprecationReason: "Use `includeAll`.",
        }),
      },
      async resolve(_root, { ids, includeAll, include_all }, context, info) {
        const { devices } = context.registry;
        const { identity } = context.visitor;
        if (ids?.length) return fewNames(context, "ids", ids).map((id) => ({ id: deviceOf(context, id) }));
        const found = await ((includeAll ?? include_all) ? devices.seen() : devices.connected());
        const seen = found.filter((id) => maySee(identity, id)).map((id) => ({ id }));
        return context.work.list(seen, countFields(info));
      },
    }),
    device: t.field({
      type: device,
      nullable: true,
      description: "One device, whether it is there or not.",
      args: {
        id: t.arg.string({
          defaultValue: "default",
          description: 'Its name; `""` stands for streams whose key has no device.',
        }),
      },
      resolve: (_root, { id }, context) => ({ id: deviceOf(context, id) }),
    }),
  }));
}

/**
 * Devices: the sets of those connected and ever seen, their metadata, and the system streams in which their coming and
 * going is told. Each change and its events are one transaction, so that no reader sees one without the other; but for a
 * cluster, which has them on several servers, and where the events come last.
 */
import { GatewayError } from "../../domain/errors.ts";
import { createWorkSlices, runInSlices } from "../../domain/work-slice.ts";
import {
  DEVICES_CONNECTED,
  DEVICES_SEEN,
  deviceMetaKey,
  EVENT_DEVICE_CONNECTED,
  EVENT_DEVICE_META,
} from "../keys.ts";
import { refusing } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { scanReply } from "./scan-reply.ts";
import { mergeSorted } from "./sorted-names.ts";

/** Result of a change, as clients read it (docs/protocol.md, "GraphQL"). */
export type DeviceChange = Readonly<Record<string, boolean>>;

/** Devices as they stand in Redis. Everything throws `GatewayError` where Redis does not answer. */
export interface DeviceRecords {
  /** Ids in order. */
  connected(): Promise<readonly string[]>;
  seen(): Promise<readonly string[]>;
  /** JSON, as it is stored; undefined where there is none. */
  meta(deviceId: string): Promise<Buffer | undefined>;
  /** @param meta JSON; undefined leaves what there is */
  connect(deviceId: string, meta: string | undefined): Promise<DeviceChange>;
  disconnect(deviceId: string): Promise<DeviceChange>;
  updateMeta(deviceId: string, meta: string): Promise<DeviceChange>;
}

/** Members of a set that one step reads. It holds Redis for less than 1 ms. */
const STEP_MEMBERS = 2_000;

/** Makes the records. @param streamMaxLength as for any stream, 0 keeps all events */
export function createDeviceRecords(database: Database, streamMaxLength: number): DeviceRecords {
  const call = (...args: readonly Argument[]): Promise<Reply> => refusing(database.call(...args));

  /** Carries steps out, in order, and says of each whether it did something. */
  async function transact(steps: Readonly<Record<string, readonly Argument[]>>): Promise<DeviceChange> {
    const results = await refusing(database.inOrder(Object.values(steps)));
    return Object.fromEntries(Object.keys(steps).map((name, i) => [name, didSomething(results[i] ?? null)]));
  }

  /** @param meta JSON, which is stored as it is: reading it would alter large numbers */
  const event = (key: string, data: object, meta?: string): readonly Argument[] => [
    "XADD",
    key,
    ...trimTo(streamMaxLength),
    "*",
    "d",
    meta === undefined ? JSON.stringify(data) : `${JSON.stringify(data).slice(0, -1)},"meta":${meta}}`,
  ];

  /** Reads a set in steps, as `SMEMBERS` holds Redis until the whole of it is sent. A small set takes one step. */
  const members = async (key: string): Promise<readonly string[]> => {
    const slices = createWorkSlices();
    const runs: (readonly string[])[] = [];
    let cursor = "0";
    do {
      const { next, names } = scanReply(await call("SSCAN", key, cursor, "COUNT", STEP_MEMBERS));
      runs.push(names.map(String).sort());
      cursor = next;
      if (slices.isOver()) await slices.next();
    } while (cursor !== "0");
    return runInSlices(mergeSorted(runs));
  };

  return {
    connected: () => members(DEVICES_CONNECTED),
    seen: () => members(DEVICES_SEEN),

    async meta(deviceId) {
      const reply = await call("GET", deviceMetaKey(deviceId));
      return Buffer.isBuffer(reply) ? reply : undefined;
    },

    async connect(deviceId, meta) {
      const change = await transact({
        connection_status_changed: ["SADD", DEVICES_CONNECTED, deviceId],
        connected: ["SISMEMBER", DEVICES_CONNECTED, deviceId],
        is_new_device: ["SADD", DEVICES_SEEN, deviceId],
        ...(meta !== undefined && { meta_set: ["SET", deviceMetaKey(deviceId), meta] }),
        "fired:device.connected": event(
          EVENT_DEVICE_CONNECTED,
          {
            device_id: deviceId,
            connected: true,
          },
          meta,
        ),
        ...(meta !== undefined && {
          "fired:device.meta": event(EVENT_DEVICE_META, { device_id: deviceId }, meta),
        }),
      });
      return meta === undefined ? { ...change, meta_set: false, "fired:device.meta": false } : change;
    },

    disconnect: (deviceId) =>
      transact({
        connection_status_changed: ["SREM", DEVICES_CONNECTED, deviceId],
        connected: ["SISMEMBER", DEVICES_CONNECTED, deviceId],
        "fired:device.connected": event(EVENT_DEVICE_CONNECTED, { device_id: deviceId, connected: false }),
      }),

    updateMeta: (deviceId, meta) =>
      transact({
        meta_set: ["SET", deviceMetaKey(deviceId), meta],
        "fired:device.meta": event(EVENT_DEVICE_META, { device_id: deviceId }, meta),
      }),
  };
}

/** The arguments of XADD that keep a stream at about a length. */
export const trimTo = (streamMaxLength: number): readonly Argument[] =>
  streamMaxLength > 0 ? ["MAXLEN", "~", streamMaxLength] : [];

function didSomething(reply: Reply): boolean {
  if (reply instanceof ReplyError) throw new GatewayError("REDIS_REFUSED", `Redis refused: ${reply.message}`);
  return reply !== 0 && reply !== null;
}

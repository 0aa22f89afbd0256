/**
 * Device records: the sets of connected devices and of all devices ever seen, their metadata, and the system streams that
 * report connects and disconnects. Each change and its events are one transaction. In a cluster, where they are on several
 * servers, the events are written last.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { checkMetaBytes } from "../../domain/streams/metadata-size.ts";
import {
  DEVICES_CONNECTED,
  DEVICES_SEEN,
  deviceMetaKey,
  EVENT_DEVICE_CONNECTED,
  EVENT_DEVICE_META,
} from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { walkInSteps } from "./scan-steps.ts";
import { mergeSorted } from "./sorted-names.ts";
import {
  firstReadCommand,
  firstReadOf,
  type LargeRead,
  type LargeValues,
  onlyValue,
  type StoredValue,
} from "./stored-values.ts";

/** Result of a change, as returned to clients (docs/protocol.md, "GraphQL"). */
export type DeviceChange = Readonly<Record<string, boolean>>;

/** Device records in Redis. All methods throw `GatewayError` if Redis is unavailable, and TOO_LARGE for metadata above `MAX_META_BYTES`. */
export interface DeviceRecords {
  /** Sorted ids. */
  connected(): Promise<readonly string[]>;
  seen(): Promise<readonly string[]>;
  /** Returns stored JSON; undefined if there is none. @param admit returns whether there is memory for large metadata */
  meta(deviceId: string, options: Pick<LargeRead, "client" | "admit">): Promise<StoredValue>;
  /** @param meta JSON; undefined keeps the stored metadata */
  connect(deviceId: string, meta: string | undefined): Promise<DeviceChange>;
  disconnect(deviceId: string): Promise<DeviceChange>;
  updateMeta(deviceId: string, meta: string): Promise<DeviceChange>;
}

/** Members of a set that one step reads. It holds Redis for less than 1 ms. */
const STEP_MEMBERS = 2_000;

/** Options of `createDeviceRecords`. */
export interface DeviceRecordsParts {
  readonly database: Database;
  /** As for any stream; 0 keeps all events. */
  readonly streamMaxLength: number;
  readonly largeValues: LargeValues;
  readonly workSlices: WorkSlices;
}

/** Creates the records. */
export function createDeviceRecords({
  database,
  streamMaxLength,
  largeValues,
  workSlices,
}: DeviceRecordsParts): DeviceRecords {
  const checkMeta = (meta: string) => checkMetaBytes(meta, "the metadata of a device", largeValues.maxBytes);
  const call = (...args: readonly Argument[]): Promise<Reply> => withGatewayErrors(database.call(...args));

  /** Runs steps in order, and reports for each whether it changed something. */
  async function transact(steps: Readonly<Record<string, readonly Argument[]>>): Promise<DeviceChange> {
    const results = await withGatewayErrors(database.inOrder(Object.values(steps)));
    return Object.fromEntries(Object.keys(steps).map((name, i) => [name, didSomething(results[i] ?? null)]));
  }

  /** @param meta JSON, stored verbatim: parsing it would alter large numbers */
  const event = (key: string, data: object, meta?: string): readonly Argument[] => [
    "XADD",
    key,
    ...trimTo(streamMaxLength),
    "*",
    "d",
    meta === undefined ? JSON.stringify(data) : `${JSON.stringify(data).slice(0, -1)},"meta":${meta}}`,
  ];

  const members = (key: string) => readSet(call, key, workSlices);

  return {
    connected: () => members(DEVICES_CONNECTED),
    seen: () => members(DEVICES_SEEN),

    async meta(deviceId, options) {
      const first = firstReadOf(await call(...firstReadCommand(deviceMetaKey(deviceId))));
      if (first !== "large") return first;
      return withGatewayErrors(
        onlyValue((onValue) => largeValues.read([deviceMetaKey(deviceId)], { ...options, onValue })),
      );
    },

    async connect(deviceId, meta) {
      if (meta !== undefined) checkMeta(meta);
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

    async updateMeta(deviceId, meta) {
      checkMeta(meta);
      return transact({
        meta_set: ["SET", deviceMetaKey(deviceId), meta],
        "fired:device.meta": event(EVENT_DEVICE_META, { device_id: deviceId }, meta),
      });
    },
  };
}

/** Reads a set in steps, as `SMEMBERS` holds Redis until the whole of it is sent. A small set takes one step. */
async function readSet(
  call: (...args: readonly Argument[]) => Promise<Reply>,
  key: string,
  workSlices: WorkSlices,
): Promise<readonly string[]> {
  const runs = await walkInSteps(
    (cursor) => call("SSCAN", key, cursor, "COUNT", STEP_MEMBERS),
    (names) => names.map(String).sort(),
    workSlices,
  );
  return workSlices.run(mergeSorted(runs));
}

/** XADD arguments that keep a stream at about a given length. */
export const trimTo = (streamMaxLength: number): readonly Argument[] =>
  streamMaxLength > 0 ? ["MAXLEN", "~", streamMaxLength] : [];

function didSomething(reply: Reply): boolean {
  if (reply instanceof ReplyError)
    throw new GatewayError("REDIS_REFUSED", `Redis rejected the command: ${reply.message}`);
  return reply !== 0 && reply !== null;
}

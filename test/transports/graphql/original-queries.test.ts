/**
 * Operations of clients of the original service, with its names and its answers (docs/protocol.md, "GraphQL"): the life cycle
 * of a device and its streams, and each operation of its README.
 */
// cspell:ignore Ijog
import { beforeEach, expect, test } from "vitest";
import { ask, dataOf } from "../../support/clients/graphql.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway({ ENABLE_FLUSH: "1" });
beforeEach(async () => {
  expect(await dataOf(gateway, "mutation Flush { flush }")).toEqual({ flush: 1 });
});

const push = (stream: string, payload: string, device = "default") =>
  redis.control.call("XADD", `${device}:${stream}`, "*", "d", payload);

test("supports the life cycle of a device and its streams", async () => {
  expect(await dataOf(gateway, "{ devices { id streams { id } } }")).toEqual({ devices: [] });

  const connect = 'mutation Connect { connectDevice(deviceId: "rover", meta: {x: 1}) }';
  expect(await dataOf(gateway, connect)).toEqual({
    connectDevice: {
      connection_status_changed: true,
      connected: true,
      is_new_device: true,
      meta_set: true,
      "fired:device.connected": true,
      "fired:device.meta": true,
    },
  });
  expect(await dataOf(gateway, connect)).toEqual({
    connectDevice: {
      connection_status_changed: false,
      connected: true,
      is_new_device: false,
      meta_set: true,
      "fired:device.connected": true,
      "fired:device.meta": true,
    },
  });

  expect(
    await dataOf(
      gateway,
      'mutation Meta { updateStreamMeta(streamId: "lidar", meta: {x: 1, z: 3}, deviceId: "rover") }',
    ),
  ).toEqual({ updateStreamMeta: { meta_set: true } });
  expect(await dataOf(gateway, "{ devices { id meta streams { id meta } } }")).toEqual({
    devices: [{ id: "rover", meta: { x: 1 }, streams: [{ id: "lidar", meta: { x: 1, z: 3 } }] }],
  });

  await push("imu", '{"x": 2}', "rover");
  await push("imu", '{"x": 3}', "rover");
  await push("log", '{"x": 5}');
  expect(
    await dataOf(
      gateway,
      `{ devices { streamIds sids streams {
        id streamId sid length entriesAdded error groups radixTreeKeys radixTreeNodes meta
        firstEntryData firstEntryJson firstEntryString lastEntryData lastEntryJson lastEntryString } } }`,
    ),
  ).toEqual({
    devices: [
      {
        streamIds: ["imu"],
        sids: ["imu"],
        streams: [
          {
            id: "imu",
            streamId: "imu",
            sid: "imu",
            length: 2,
            entriesAdded: 2,
            error: "",
            groups: 0,
            radixTreeKeys: 1,
            radixTreeNodes: 2,
            meta: {},
            firstEntryData: "eyJ4IjogMn0=",
            firstEntryJson: { x: 2 },
            firstEntryString: '{"x": 2}',
            lastEntryData: "eyJ4IjogM30=",
            lastEntryJson: { x: 3 },
            lastEntryString: '{"x": 3}',
          },
          {
            id: "lidar",
            streamId: "lidar",
            sid: "lidar",
            length: 0,
            entriesAdded: 0,
            error: "no such key",
            groups: 0,
            radixTreeKeys: 0,
            radixTreeNodes: 0,
            meta: { x: 1, z: 3 },
            firstEntryData: "",
            firstEntryJson: {},
            firstEntryString: "",
            lastEntryData: "",
            lastEntryJson: {},
            lastEntryString: "",
          },
        ],
      },
    ],
  });
  expect(await dataOf(gateway, "{ streams { id length } streamIds }")).toEqual({
    streams: [
      { id: ":event:device.connected", length: 2 },
      { id: ":event:device.meta", length: 2 },
      { id: "default:log", length: 1 },
      { id: "rover:imu", length: 2 },
      { id: "rover:lidar", length: 0 },
    ],
    streamIds: [":event:device.connected", ":event:device.meta", "default:log", "rover:imu"],
  });

  expect(
    await dataOf(
      gateway,
      `mutation Delete {
        imu: deleteStream(streamId: "imu", deviceId: "rover")
        lidar: deleteStream(sid: "lidar", deviceId: "rover") }`,
    ),
  ).toEqual({
    imu: { data_deleted: true, meta_deleted: false, stream_deleted: true },
    lidar: { data_deleted: false, meta_deleted: true, stream_deleted: false },
  });
  expect(await dataOf(gateway, "{ devices { id streams { id } } }")).toEqual({
    devices: [{ id: "rover", streams: [] }],
  });

  expect(await dataOf(gateway, 'mutation { disconnectDevice(id: "rover") }')).toEqual({
    disconnectDevice: { connection_status_changed: true, connected: false, "fired:device.connected": true },
  });
  expect(
    await dataOf(gateway, "{ connected: devices { id } seen: devices(include_all: true) { id } }"),
  ).toEqual({ connected: [], seen: [{ id: "rover" }] });
});

test("writes system events with the members of the original", async () => {
  await dataOf(
    gateway,
    `mutation {
      a: connectDevice(id: "rover", meta: {x: 1}) b: updateDeviceMeta(id: "rover", meta: {x: 2})
      c: disconnectDevice(deviceId: "rover") }`,
  );
  const events = async (key: string) => {
    const entries = (await redis.control.call("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][];
    return entries.map(([, fields]) => JSON.parse(String(fields[1])));
  };
  expect(await events(":event:device.connected")).toEqual([
    { device_id: "rover", connected: true, meta: { x: 1 } },
    { device_id: "rover", connected: false },
  ]);
  expect(await events(":event:device.meta")).toEqual([
    { device_id: "rover", meta: { x: 1 } },
    { device_id: "rover", meta: { x: 2 } },
  ]);
  expect(await dataOf(gateway, '{ device(id: "rover") { meta } }')).toEqual({ device: { meta: { x: 2 } } });
});

test("selects streams of another device with device_id", async () => {
  await dataOf(gateway, 'mutation { connectDevice(id: "a", meta: {}) }');
  await push("imu", "1", "b");
  const query = `query GetDevices($id: String) { devices {
    streamIds(device_id: $id)
    streams(device_id: $id) { streamId firstEntryId lastEntryId length }
    same: streamIds(deviceId: $id) } }`;
  const { devices } = await dataOf(gateway, query, { id: "b" });
  expect(devices).toMatchObject([
    { streamIds: ["imu"], streams: [{ streamId: "imu", length: 1 }], same: ["imu"] },
  ]);
});

test("finds metadata stored without a device by an id without a device", async () => {
  await dataOf(gateway, "mutation M($id: String, $meta: JSON!) { updateStreamMeta(sid: $id, meta: $meta) }", {
    id: "glf",
    meta: { format: "mp4" },
  });
  expect(
    await dataOf(gateway, "query Q($sids: [String!]) { streams(sids: $sids) { sid meta } }", {
      sids: ["glf"],
    }),
  ).toEqual({ streams: [{ sid: "glf", meta: { format: "mp4" } }] });
  expect(await redis.control.call("GET", ":stream:meta:default:glf")).toEqual(
    Buffer.from('{"format":"mp4"}'),
  );
});

test("merges concurrent updates into the stored metadata", async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      dataOf(
        gateway,
        'mutation M($meta: JSON!) { updateStreamMeta(streamId: "a", meta: $meta, update: true) }',
        { meta: { [`k${i}`]: i } },
      ),
    ),
  );
  const { stream } = (await dataOf(gateway, '{ stream(id: "default:a") { meta } }')) as {
    stream: { meta: object };
  };
  expect(Object.keys(stream.meta).length).toBe(20);
});

test("returns times as ISO 8601 in UTC, or in a format", async () => {
  await redis.control.call("XADD", "default:a", "1700000000123-7", "d", "x");
  expect(
    await dataOf(
      gateway,
      '{ stream(id: "default:a") { firstEntryId firstEntryTime lastEntryTime(format: "%Y-%m-%d %H:%M:%S %z") } }',
    ),
  ).toEqual({
    stream: {
      firstEntryId: "1700000000123-7",
      firstEntryTime: "2023-11-14T22:13:20.123Z",
      lastEntryTime: "2023-11-14 22:13:20 +0000",
    },
  });
});

test("has no devices in the schema if keys have no device prefix", async () => {
  await using plain = await startTestGateway(redis.url, { DISABLE_MULTI_DEVICE_PREFIXING: "1" });
  const introspection = await dataOf(plain, "{ __schema { types { name fields { name args { name } } } } }");
  expect(JSON.stringify(introspection)).not.toMatch(/device/i);
  await dataOf(plain, 'mutation { updateStreamMeta(streamId: "a", meta: {x: 1}) }');
  await redis.control.call("XADD", "a", "*", "d", "x");
  expect(await dataOf(plain, '{ stream(id: "a") { length meta } }')).toEqual({
    stream: { length: 1, meta: { x: 1 } },
  });
  expect((await ask(plain, "{ devices { id } }")).errors?.[0]?.extensions.code).toBe(
    "GRAPHQL_VALIDATION_FAILED",
  );
});

test("deprecates old names with their replacement, and describes everything", async () => {
  const { __schema } = (await dataOf(
    gateway,
    `{ __schema { types { name description kind
        inputFields { name description }
        fields(includeDeprecated: true) { name description isDeprecated deprecationReason
          args(includeDeprecated: true) { name description isDeprecated deprecationReason } } } } }`,
  )) as { __schema: { types: Described[] } };
  const own = __schema.types.filter(
    ({ name }) => !name.startsWith("__") && !/^(String|Int|Float|Boolean|ID)$/.test(name),
  );
  const deprecated: string[] = [];
  for (const type of own) {
    expect(type.description, type.name).toBeTruthy();
    for (const field of [...(type.fields ?? []), ...(type.inputFields ?? [])]) {
      expect(field.description, `${type.name}.${field.name}`).toBeTruthy();
      if (field.isDeprecated) deprecated.push(`${type.name}.${field.name}: ${field.deprecationReason}`);
      for (const arg of field.args ?? []) {
        expect(arg.description, `${type.name}.${field.name}(${arg.name})`).toBeTruthy();
        if (arg.isDeprecated) deprecated.push(`${field.name}(${arg.name}): ${arg.deprecationReason}`);
      }
    }
  }
  expect(deprecated.toSorted()).toEqual([
    "Device.sids: Use `streamIds`.",
    "Stream.sid: Use `id`.",
    "Stream.streamId: Use `id`.",
    "Subscription.streams: Use `data`.",
    "devices(include_all): Use `includeAll`.",
    "streamIds(device_id): Use `deviceId`.",
    "streams(device_id): Use `deviceId`.",
    "streams(sids): Use `ids`.",
  ]);
});

interface Described {
  readonly name: string;
  readonly description: string | null;
  readonly isDeprecated?: boolean;
  readonly deprecationReason?: string | null;
  readonly fields?: readonly Described[] | null;
  readonly inputFields?: readonly Described[] | null;
  readonly args?: readonly Described[];
}

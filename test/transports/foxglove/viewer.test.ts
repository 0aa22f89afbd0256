/** Live channels, as the client library of Foxglove sees them; messages are decoded by protobufjs with the advertised schemas. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Channel } from "@foxglove/ws-protocol";
import { encode } from "@msgpack/msgpack";
import { beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { liveChannelOf } from "../../../src/wire/foxglove/live-channel.ts";
import { DESCRIPTOR_SETS } from "../../../src/wire/foxglove/schemas.ts";
import { connectViewer, decoded, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { upgradeRequest } from "../../support/clients/raw-requests.ts";
import { encodeMessage } from "../../support/data/foxglove.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway({ SEND_HIGH_WATER_BYTES: "64k" });
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const append = (key: string, data: string | Uint8Array, id = "*") =>
  redis.control.call("XADD", key, id, "d", typeof data === "string" ? data : Buffer.from(data));
const declare = (key: string, meta: object) =>
  redis.control.call("SET", `:stream:meta:${key}`, JSON.stringify(meta));
const connect = (path = "/foxglove") => connectViewer(gateway.ws + path);

const JPEG = Buffer.from("ffd8ffe000104a46494600010100000100010000ffd9", "hex");

/** Subscribes, and returns the decoded first message. */
async function first(viewer: TestViewer, topic: string): Promise<unknown> {
  const channel = await viewer.channel(topic);
  const [message] = await viewer.received(viewer.client.subscribe(channel.id), 1);
  if (message === undefined) throw new Error("no message");
  return decoded(channel, message);
}

test("subscriptions that arrive before the channels are advertised wait for that, however many viewers connect", async () => {
  const meta = { contentType: "application/json" };
  const keys = Array.from({ length: 10 }, (_, i) => `default:early-${i}`);
  const samples = [{ id: "5-0" as EntryId, data: Buffer.from("{}") }];
  for (const key of keys) {
    await declare(key, meta);
    await append(key, "{}", "5-0");
  }
  const subscriptions = keys.map((key, id) => ({ id, channelId: liveChannelOf({ key, meta, samples })?.id }));
  const subscribe = JSON.stringify({ op: "subscribe", subscriptions });
  for (let pass = 0; pass < 5; pass++) {
    const viewers = await Promise.all(
      Array.from({ length: 150 }, async () => {
        const viewer = new WebSocket(`${gateway.ws}/foxglove`, "foxglove.sdk.v1");
        const received: string[] = [];
        viewer.on("message", (message: Buffer, isBinary) => {
          received.push(isBinary ? `entry of ${message.readUInt32LE(1)}` : message.toString());
        });
        await once(viewer, "open");
        viewer.send(subscribe);
        return { viewer, received };
      }),
    );
    const of = (kind: string) =>
      viewers.flatMap(({ received }) => received.filter((message) => message.includes(kind)));
    await until("all viewers have all entries", () => {
      expect(of("not advertised")).toEqual([]);
      return of("entry of").length === viewers.length * keys.length;
    });
    for (const { viewer } of viewers) viewer.terminate();
  }
});

describe("handshake", () => {
  test.each([
    [["foxglove.sdk.v1"], "foxglove.sdk.v1"],
    [["foxglove.websocket.v1"], "foxglove.websocket.v1"],
    [["foxglove.websocket.v1", "foxglove.sdk.v1"], "foxglove.websocket.v1"],
    [["other", "foxglove.sdk.v1", "foxglove.websocket.v1"], "foxglove.sdk.v1"],
  ])("of %j selects %s, and serverInfo is first", async (protocols, selected) => {
    await using viewer = await connectViewer(`${gateway.ws}/foxglove`, { protocols });
    expect(viewer.raw.protocol).toBe(selected);
    expect(viewer.info).toMatchObject({
      op: "serverInfo",
      name: "redis-streamer",
      capabilities: ["clientPublish"],
    });
    expect(viewer.channels.size + viewer.messages.length + viewer.statuses.length).toBe(0);
  });

  test.each([undefined, "graphql-ws", "Foxglove.sdk.v1"])(
    "of %s is rejected with 400, which names both",
    async (protocol) => {
      const { port, hostname } = new URL(gateway.http);
      const socket = connectTcp(Number(port), hostname);
      socket.write(upgradeRequest("/foxglove", protocol));
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      await once(socket, "end");
      socket.destroy();
      const answer = Buffer.concat(chunks).toString();
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain(
        "the handshake must offer the subprotocol foxglove.sdk.v1 or foxglove.websocket.v1",
      );
    },
  );
});

describe.each(["foxglove.sdk.v1", "foxglove.websocket.v1"])("%s", (protocol) => {
  const log = { name: "foxglove.Log", encoding: "protobuf", data: DESCRIPTOR_SETS["foxglove.Log"] };
  const twist = { name: "geometry_msgs/msg/Twist", encoding: "ros2msg", data: "float64 x" };
  const scan = { name: "Scan", encoding: "flatbuffer", data: "AAAA" };
  const imu = { name: "Imu", encoding: "jsonschema", data: '{"type":"object"}' };
  const bytes = Buffer.from([1, 2, 3, 4]);

  test.each<[string, object, string | Uint8Array, Partial<Channel>, unknown]>([
    [
      "png",
      { contentType: "image/png" },
      bytes,
      { schemaName: "foxglove.CompressedImage" },
      { format: "png", data: bytes },
    ],
    [
      "jpeg",
      {},
      JPEG,
      { schemaName: "foxglove.CompressedImage" },
      { format: "jpeg", frameId: "stream", data: JPEG },
    ],
    [
      "PCM",
      { contentType: "audio/l16;rate=8000;channels=2" },
      bytes,
      { schemaName: "foxglove.RawAudio" },
      { format: "pcm-s16", sampleRate: 8000, numberOfChannels: 2, data: Buffer.from([2, 1, 4, 3]) },
    ],
    [
      "Opus",
      { contentType: "audio/opus" },
      bytes,
      { schemaName: "foxglove.CompressedAudio" },
      { format: "opus", data: bytes },
    ],
    [
      "AAC",
      { contentType: "audio/aac" },
      bytes,
      { schemaName: "foxglove.CompressedAudio" },
      { format: "mp4a.40.2" },
    ],
    ...["h264", "h265", "vp9", "av1"].map(
      (format) =>
        [
          format,
          { contentType: `video/${format}`, frameId: "front" },
          bytes,
          { schemaName: "foxglove.CompressedVideo" },
          { format, frameId: "front", data: bytes },
        ] as [string, object, Uint8Array, Partial<Channel>, unknown],
    ),
    [
      "text",
      {},
      "hello",
      { schemaName: "foxglove.Log" },
      { level: 2, message: "hello", name: "/rover/stream" },
    ],
    ["JSON", {}, '{"x": 1}', { encoding: "json", schemaEncoding: "jsonschema" }, { x: 1 }],
    ["JSON with a schema", { schema: imu }, '{"x": 1}', { schemaName: "Imu", schema: imu.data }, { x: 1 }],
    ["a JSON number", {}, "2.5", { encoding: "json" }, { value: 2.5 }],
    ["a JSON list", {}, "[1, 2]", { encoding: "json" }, { value: [1, 2] }],
    ["MessagePack", {}, encode({ a: [1, "x"] }), { encoding: "json" }, { a: [1, "x"] }],
    [
      "a declared message of Protocol Buffers",
      { schema: log },
      encodeMessage("foxglove.Log", log.data, { level: 4, message: "hot" }),
      { encoding: "protobuf", schemaName: "foxglove.Log", schema: log.data, schemaEncoding: "protobuf" },
      { level: 4, message: "hot" },
    ],
    [
      "a declared message of ROS 2",
      { schema: twist },
      bytes,
      { encoding: "cdr", schema: "float64 x", schemaEncoding: "ros2msg" },
      bytes,
    ],
    [
      "a declared FlatBuffer",
      { schema: scan },
      bytes,
      { encoding: "flatbuffer", schema: "AAAA", schemaEncoding: "flatbuffer" },
      bytes,
    ],
  ])("%s is a message of its channel", async (_what, meta, data, channel, message) => {
    await declare("rover:stream", meta);
    await append("rover:stream", data, "1500-3");
    await using viewer = await connectViewer(`${gateway.ws}/foxglove`, { protocols: [protocol] });
    const advertised = await viewer.channel("/rover/stream");
    expect(advertised).toMatchObject(channel);
    const [received] = await viewer.received(viewer.client.subscribe(advertised.id), 1);
    if (received === undefined) throw new Error("no message");
    expect(received.time).toBe(1_500_000_003n);
    const isOpaque = !["json", "protobuf"].includes(advertised.encoding);
    expect(isOpaque ? received.data : decoded(advertised, received)).toMatchObject(message as object);
    if (advertised.schemaName.startsWith("foxglove.") && !("schema" in meta))
      expect(decoded(advertised, received)).toMatchObject({ timestamp: { seconds: 1, nanos: 500_000_003 } });
    expect(viewer.errors).toEqual([]);
    expect(viewer.statuses).toEqual([]);
  });
});

describe("content", () => {
  test("JSON has an inferred schema, and starts with the newest entry", async () => {
    await append("rover:imu", '{"x": 1, "name": "a"}', "1000-0");
    await append("rover:imu", '{"x": 2, "name": "b"}', "2000-7");
    await using viewer = await connect();
    const channel = await viewer.channel("/rover/imu");
    expect(channel).toMatchObject({
      encoding: "json",
      schemaName: "rover.imu",
      schemaEncoding: "jsonschema",
    });
    expect(JSON.parse(channel.schema)).toEqual({
      type: "object",
      properties: { x: { type: "number" }, name: { type: "string" } },
    });
    const subscription = viewer.client.subscribe(channel.id);
    await viewer.received(subscription, 1);
    await append("rover:imu", '{"x": 3}', "3000-0");
    const received = await viewer.received(subscription, 2);
    expect(received.map(({ time, data }) => [time, data.toString()])).toEqual([
      [2_000_000_007n, '{"x": 2, "name": "b"}'],
      [3_000_000_000n, '{"x": 3}'],
    ]);
  });

  test("the schema has the members of the newest entries", async () => {
    for (let n = 0; n < 4; n++) await append("rover:state", `{"n": ${n}, "m${n}": true}`);
    await append("rover:packed", encode({ a: 1 }));
    await append("rover:packed", encode({ b: "x" }));
    await using viewer = await connect();
    const membersOf = async (topic: string) =>
      Object.keys(JSON.parse((await viewer.channel(topic)).schema).properties).sort();
    expect(await membersOf("/rover/state")).toEqual(["m0", "m1", "m2", "m3", "n"]);
    expect(await membersOf("/rover/packed")).toEqual(["a", "b"]);
  });

  test("JSON that is not an object is wrapped, and MessagePack is transcoded", async () => {
    await append("rover:list", "[1, 2]");
    await append("rover:number", " 5");
    await append("rover:packed", encode({ a: [1, "x"] }));
    await using viewer = await connect();
    expect(await first(viewer, "/rover/list")).toEqual({ value: [1, 2] });
    expect(await first(viewer, "/rover/number")).toEqual({ value: 5 });
    expect(await first(viewer, "/rover/packed")).toEqual({ a: [1, "x"] });
    expect(viewer.channels.get("/rover/packed")?.encoding).toBe("json");
  });

  test("images, audio, video and text are messages of Foxglove", async () => {
    await append("rover:cam", JPEG, "1500-3");
    await declare("rover:mic", { contentType: "audio/l16", format: "s16", rate: 8000, channels: 1 });
    await append("rover:mic", Buffer.from([1, 2, 3, 4]));
    await declare("rover:video", { contentType: "video/h264", frameId: "front" });
    await append("rover:video", Buffer.from([0, 0, 0, 1]));
    await declare("rover:log", { contentType: "text/plain" });
    await append("rover:log", "hello");
    await using viewer = await connect();
    expect(await first(viewer, "/rover/cam")).toMatchObject({
      timestamp: { seconds: 1, nanos: 500_000_003 },
      frameId: "cam",
      format: "jpeg",
      data: JPEG,
    });
    expect(await first(viewer, "/rover/mic")).toMatchObject({
      format: "pcm-s16",
      sampleRate: 8000,
      numberOfChannels: 1,
      data: Buffer.from([1, 2, 3, 4]),
    });
    expect(await first(viewer, "/rover/video")).toMatchObject({
      frameId: "front",
      format: "h264",
      data: Buffer.from([0, 0, 0, 1]),
    });
    expect(await first(viewer, "/rover/log")).toMatchObject({
      level: 2,
      name: "/rover/log",
      message: "hello",
    });
    expect(viewer.errors).toEqual([]);
  });

  test("an image that is larger than a sample is recognized", async () => {
    const large = Buffer.concat([JPEG, Buffer.alloc(300_000)]);
    await append("rover:cam", large);
    await using viewer = await connect();
    const { format, data } = (await first(viewer, "/rover/cam")) as { format: string; data: Buffer };
    // Not compared by `toEqual`, which takes seconds.
    expect([format, Buffer.compare(data, large)]).toEqual(["jpeg", 0]);
  });

  test("content that is unknown is not advertised, until it is declared", async () => {
    await append("rover:blob", Buffer.from([0xc1, 0xff, 0xfe, 0x00]));
    await using viewer = await connect();
    await until("there is a status", () => viewer.statuses.length > 0);
    expect(viewer.statuses).toMatchObject([{ level: 0, id: "content" }]);
    expect(viewer.statuses[0]?.message).toMatch("/rover/blob");
    expect(viewer.channels.size).toBe(0);
    await declare("rover:blob", { contentType: "image/png" });
    expect(await first(viewer, "/rover/blob")).toMatchObject({ format: "png" });
    await until("the status is removed", () => viewer.removedStatuses.includes("content"));
  });

  test("an entry without the content of its channel is reported and left out", async () => {
    await append("rover:imu", '{"x": 1}');
    await using viewer = await connect();
    const subscription = await viewer.subscribe("/rover/imu");
    await viewer.received(subscription, 1);
    await append("rover:imu", Buffer.from([0xff, 0xd8]));
    await append("rover:imu", '{"x": 2}');
    const received = await viewer.received(subscription, 2);
    expect(received[1]?.data.toString()).toBe('{"x": 2}');
    await until("it is reported", () => viewer.statuses.some(({ id }) => id === "content-/rover/imu"));
  });
});

describe("channels", () => {
  test("are advertised when streams appear, and unadvertised when they vanish", async () => {
    await using viewer = await connect();
    await append("rover:imu", '{"x": 1}');
    const before = await viewer.channel("/rover/imu");
    const subscription = viewer.client.subscribe(before.id);
    await viewer.received(subscription, 1);
    await redis.control.call("DEL", "rover:imu");
    await until("it is unadvertised", () => viewer.channels.size === 0);
    // As Lichtblick does, although its subscription has ended.
    viewer.client.unsubscribe(subscription);
    await append("rover:imu", '{"x": 2}');
    // The id stands for the topic, the encoding and the schema.
    expect(await viewer.channel("/rover/imu")).toEqual(before);
    await viewer.received(await viewer.subscribe("/rover/imu"), 1);
    expect(viewer.statuses).toEqual([]);
  });

  test("keep their ids in other connections", async () => {
    await append("rover:imu", '{"x": 1}');
    await using one = await connect();
    await using other = await connect();
    expect(await one.channel("/rover/imu")).toEqual(await other.channel("/rover/imu"));
  });

  test("are replaced when the content is declared after the first entry", async () => {
    await using viewer = await connect();
    await append("rover:scan", "[1, 2]");
    const before = await viewer.channel("/rover/scan");
    await declare("rover:scan", { contentType: "text/plain" });
    await until("it has another encoding", () => viewer.channels.get("/rover/scan")?.encoding === "protobuf");
    expect(viewer.channels.get("/rover/scan")?.id).not.toBe(before.id);
  });

  test("of a device are its own; of keys without a device, the key", async () => {
    await append("rover:imu", "{}");
    await append("base:imu", "{}");
    await append("plain", "{}");
    await append("a/b:c", "{}");
    await append("a:b/c", "{}");
    await append(":event:device.connected", "{}");
    await using all = await connect();
    await all.channel("/rover/imu");
    expect([...all.channels.keys()].sort()).toEqual([
      "/a%2Fb/c",
      "/a/b/c",
      "/base/imu",
      "/plain",
      "/rover/imu",
    ]);
    await using one = await connect("/foxglove/rover");
    await one.channel("/rover/imu");
    expect([...one.channels.keys()]).toEqual(["/rover/imu"]);
    await using odd = await connect("/foxglove/a%2Fb");
    await odd.channel("/a%2Fb/c");
    expect(odd.channels.size).toBe(1);
  });

  test("are limited in number", async () => {
    await using limited = await startTestGateway(redis.url, { MAX_STREAMS: "2" });
    for (const name of ["a", "b", "c"]) await append(`rover:${name}`, "{}");
    await using viewer = await connectViewer(`${limited.ws}/foxglove`);
    await until("the limit is reported", () => viewer.statuses.some(({ id }) => id === "limit"));
    await until("the others are advertised", () => viewer.channels.size > 0);
    expect(viewer.channels.size).toBe(2);
  });
});

describe("subscriptions", () => {
  test("are independent, and end", async () => {
    await append("rover:a", '{"n": 1}');
    await append("rover:b", '{"n": 1}');
    await using viewer = await connect();
    const a = await viewer.subscribe("/rover/a");
    const b = await viewer.subscribe("/rover/b");
    await viewer.received(a, 1);
    await viewer.received(b, 1);
    viewer.client.unsubscribe(a);
    // Messages are handled in order, so the answer to an unknown one follows.
    viewer.client.unsubscribe(77);
    await until("the answer", () => viewer.statuses.length === 1);
    await append("rover:a", '{"n": 2}');
    await append("rover:b", '{"n": 2}');
    await viewer.received(b, 2);
    expect(viewer.messages.filter(({ subscriptionId }) => subscriptionId === a)).toHaveLength(1);
    const again = await viewer.subscribe("/rover/a");
    expect((await viewer.received(again, 1))[0]?.data.toString()).toBe('{"n": 2}');
  });

  test("to channels that do not exist, or twice, are answered with a status", async () => {
    await append("rover:a", '{"n": 1}');
    await using viewer = await connect();
    await viewer.subscribe("/rover/a");
    viewer.client.subscribe(5);
    await viewer.subscribe("/rover/a");
    viewer.raw.send(JSON.stringify({ op: "subscribe", subscriptions: [{ id: 0, channelId: 5 }] }));
    await until("there are answers", () => viewer.statuses.length === 3);
    expect(viewer.statuses.map(({ message }) => message)).toEqual([
      "channel 5 is not advertised",
      "/rover/a is already subscribed to",
      "channel 5 is not advertised",
    ]);
  });

  test("report gaps", async () => {
    await append("rover:a", '{"n": 1}', "1000-0");
    await using viewer = await connect();
    const subscription = await viewer.subscribe("/rover/a");
    await viewer.received(subscription, 1);
    // One transaction, so that the tail cannot read in between.
    await redis.control.call(
      "EVAL",
      "for i = 2, 9 do redis.call('XADD', KEYS[1], i .. '000-0', 'd', '{}') end redis.call('XTRIM', KEYS[1], 'MAXLEN', 1)",
      1,
      "rover:a",
    );
    await viewer.received(subscription, 2);
    await until("it is reported", () => viewer.statuses.some(({ id }) => id === "gap-/rover/a"));
  });
});

describe("messages that are not valid", () => {
  test.each([
    ["text that is not JSON", "{", /BAD_PAYLOAD.*must be a JSON object/],
    ["an unknown op", '{"op": "fetchAsset", "uri": "x"}', /op must be subscribe/],
    ["a list that is none", '{"op": "subscribe", "subscriptions": 5}', /subscriptions must be a list/],
    ["an unknown opcode", Buffer.from([9]), /must begin with 01 or 03, got 9/],
    ["no bytes", Buffer.alloc(0), /got no bytes/],
    ["a capability that is not offered", Buffer.concat([Buffer.from([3]), Buffer.alloc(18)]), /NOT_ENABLED/],
    ["message data without a channel", Buffer.from([1, 0]), /at least 5 bytes/],
    ["deep JSON", `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`, /TOO_LARGE.*levels/],
  ])("%s: a status, and the connection stays open", async (_, message, problem) => {
    await append("rover:a", '{"n": 1}');
    await using viewer = await connect();
    viewer.raw.send(message);
    await until("there is an answer", () => viewer.statuses.length > 0);
    expect(viewer.statuses[0]).toMatchObject({ level: 2 });
    expect(viewer.statuses[0]?.message).toMatch(problem);
    await viewer.received(await viewer.subscribe("/rover/a"), 1);
  });

  test("a message that is too large closes the connection with 1009", async () => {
    await using viewer = await connect();
    viewer.raw.send("x".repeat(256 * 1024 + 1));
    expect(await viewer.closed).toMatch(/^1009 /);
  });
});

describe("a viewer that does not read", () => {
  const metric = (name: string) => metricOf(gateway, name);

  test("holds nothing while streams come and go, and then learns what is true", async () => {
    await append("rover:large", JSON.stringify({ n: 0 }));
    await append("rover:small", JSON.stringify({ n: 0 }));
    await using viewer = await connect();
    const advertised = new Set<string>();
    viewer.client.on("advertise", (channels) => {
      for (const { topic } of channels) advertised.add(topic);
    });
    const [large, small] = [await viewer.subscribe("/rover/large"), await viewer.subscribe("/rover/small")];
    await viewer.received(large, 1);
    await viewer.received(small, 1);
    viewer.raw.pause();
    const text = "x".repeat(1_000_000);
    for (let n = 1; n <= 30; n++) {
      await append("rover:large", JSON.stringify({ n, text }));
      await append("rover:small", JSON.stringify({ n }));
    }
    await until("both channels are paused", async () => (await metric("readers_paused")) === 2);
    for (let i = 0; i < 20; i++) {
      await append(`rover:s${i}`, '{"x": 1}');
      if (i !== 7) await redis.control.call("DEL", `rover:s${i}`);
    }
    expect(await metric("send_buffer_bytes")).toBeLessThan(4_000_000);
    viewer.raw.resume();
    await viewer.channel("/rover/s7");
    const numbers = (messages: readonly { data: Buffer }[]) =>
      messages.map(({ data }) => Number(/\d+/.exec(data.toString("utf8", 0, 20))?.[0]));
    const all = Array.from({ length: 31 }, (_, n) => n);
    expect(numbers(await viewer.received(small, 31))).toEqual(all);
    expect(numbers(await viewer.received(large, 31))).toEqual(all);
    expect([...advertised].sort()).toEqual(["/rover/large", "/rover/s7", "/rover/small"]);
    await until("no channel is paused", async () => (await metric("readers_paused")) === 0);
  });

  test("costs nothing once it is gone", async () => {
    await append("rover:a", '{"n": 0}');
    await append("rover:cam", JPEG);
    {
      await using viewer = await connect();
      for (const topic of ["/rover/a", "/rover/cam"]) await viewer.received(await viewer.subscribe(topic), 1);
      expect(await metric("readers")).toBe(2);
    }
    await until("no reader is left", async () => (await metric("readers")) === 0);
    await until("no stream is watched", async () => (await metric("tail_streams")) === 0);
  });
});

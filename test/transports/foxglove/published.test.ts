/** Entries that viewers publish, with the client library of Foxglove. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectViewer, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let protectedGateway: TestGateway;
let keys: TestKeys;

beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  gateway = await startTestGateway(redis.url, { MAX_MESSAGE_BYTES: "1m", MAX_STREAMS: "20" });
  protectedGateway = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
});
afterAll(async () => {
  await gateway.close();
  await protectedGateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const advertise = ({ client }: TestViewer, topic: string, encoding = "json") =>
  client.advertise({ topic, encoding, schemaName: "geometry_msgs/Twist" });
const payloads = async (key: string) => {
  const entries = (await redis.control.call("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][];
  return entries.map(([, fields]) => String(fields[1]));
};
const problem = async (viewer: TestViewer) => {
  await until("there is an answer", () => viewer.statuses.length > 0);
  return viewer.statuses[0]?.message;
};

test.each([
  ["/foxglove", "/rover/cmd_vel", "rover:cmd_vel"],
  ["/foxglove", "/rover/arm/left", "rover:arm/left"],
  ["/foxglove", "/cmd_vel", "default:cmd_vel"],
  ["/foxglove/rover", "/cmd_vel", "rover:cmd_vel"],
  ["/foxglove/rover", "/base/cmd_vel", "base:cmd_vel"],
  ["/foxglove/r*", "/cmd_vel", "default:cmd_vel"],
  ["/foxglove", "/a%2Fb/c", "a/b:c"],
])("on %s, %s is stored in %s", async (path, topic, key) => {
  await using viewer = await connectViewer(gateway.ws + path);
  expect(viewer.info).toMatchObject({ capabilities: ["clientPublish"], supportedEncodings: ["json"] });
  const channel = advertise(viewer, topic);
  for (let n = 0; n < 3; n++) viewer.client.sendMessage(channel, Buffer.from(`{"n": ${n}}`));
  await until("all are stored", async () => (await payloads(key)).length === 3);
  expect(await payloads(key)).toEqual(['{"n": 0}', '{"n": 1}', '{"n": 2}']);
  expect(viewer.statuses).toEqual([]);
});

test("large messages are stored unchanged, in order, beside small ones", async () => {
  await using roomy = await startTestGateway(redis.url, { MAX_MESSAGE_BYTES: "4m" });
  await using viewer = await connectViewer(`${roomy.ws}/foxglove`);
  const channel = advertise(viewer, "/rover/map");
  // Those above 1 MB use a connection of their own.
  const sizes = [300_000, 5, 600_000, 5, 700_000, 5, 5];
  const sent = Array.from(
    { length: 21 },
    (_, n) => `{"n": ${n}, "x": "${"ab".repeat(sizes[n % sizes.length] ?? 0)}"}`,
  );
  for (const one of sent) viewer.client.sendMessage(channel, Buffer.from(one));
  await until("all are stored", async () => (await payloads("rover:map")).length === sent.length);
  expect((await payloads("rover:map")).map((one, i) => one === sent[i])).not.toContain(false);
});

test("other viewers receive what one publishes", async () => {
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  await using other = await connectViewer(`${gateway.ws}/foxglove`);
  viewer.client.sendMessage(advertise(viewer, "/rover/cmd_vel"), Buffer.from('{"x": 1}'));
  const [message] = await other.received(await other.subscribe("/rover/cmd_vel"), 1);
  expect(message?.data.toString()).toBe('{"x": 1}');
});

describe("a status reports", () => {
  test.each<[string, RegExp, (viewer: TestViewer) => unknown]>([
    ["another encoding", /must be json, got "cdr"/, (viewer) => advertise(viewer, "/a/b", "cdr")],
    ["a topic without a name", /topic must be .* got "\/"/, (viewer) => advertise(viewer, "/")],
    ["a topic with an empty stream", /topic must be .* got "\/a\/"/, (viewer) => advertise(viewer, "/a/")],
    ["a pattern", /without "\*"/, (viewer) => advertise(viewer, "/a/b*")],
    [
      "a long topic",
      /topic must be at most 1024 bytes/,
      (viewer) => advertise(viewer, `/a/${"b".repeat(2000)}`),
    ],
    ["a key of the gateway", /FORBIDDEN/, (viewer) => advertise(viewer, "//event")],
    ["an unknown channel", /no channel 77/, ({ client }) => client.sendMessage(77, Buffer.from("{}"))],
    ["the end of an unknown channel", /no channel 78/, ({ client }) => client.unadvertise(78)],
    [
      "a channel that exists",
      /channel 1 of this client already exists/,
      (viewer) => {
        advertise(viewer, "/a/b");
        viewer.raw.send(
          JSON.stringify({ op: "advertise", channels: [{ id: 1, topic: "/a/c", encoding: "json" }] }),
        );
      },
    ],
  ])("%s, and the connection stays open", async (_what, expected, act) => {
    await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
    act(viewer);
    expect(await problem(viewer)).toMatch(expected);
    viewer.client.sendMessage(advertise(viewer, "/a/good"), Buffer.from("{}"));
    await until("it is stored", async () => (await payloads("a:good")).length === 1);
  });

  test("a rejected channel, and the others of the same message are opened", async () => {
    await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
    const channels = ["//event", "/a/b*", "/a/good"].map((topic, id) => ({ id, topic, encoding: "json" }));
    viewer.raw.send(JSON.stringify({ op: "advertise", channels }));
    expect(await problem(viewer)).toMatch(/^FORBIDDEN/);
    viewer.client.sendMessage(2, Buffer.from("{}"));
    await until("it is stored", async () => (await payloads("a:good")).length === 1);
  });

  test("too many channels", async () => {
    await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
    for (let n = 0; n < 21; n++) advertise(viewer, `/a/s${n}`);
    expect(await problem(viewer)).toBe("a client must have at most 20 channels");
  });

  test("an entry that Redis rejects", async () => {
    await redis.control.call("SET", "rover:text", "x");
    await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
    viewer.client.sendMessage(advertise(viewer, "/rover/text"), Buffer.from("{}"));
    expect(await problem(viewer)).toMatch(/^WRONG_TYPE: /);
  });
});

test("a channel that was unadvertised stores nothing", async () => {
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  const channel = advertise(viewer, "/rover/cmd_vel");
  viewer.client.unadvertise(channel);
  viewer.client.sendMessage(channel, Buffer.from("{}"));
  expect(await problem(viewer)).toMatch(/no channel/);
  expect(await payloads("rover:cmd_vel")).toEqual([]);
});

describe("permissions", () => {
  /** Connects with a new key, which is loaded within the polling interval. */
  async function connectAs(name: string, permissions: readonly string[]): Promise<TestViewer> {
    const headers = { "x-api-key": keys.add(name, permissions) };
    let viewer: TestViewer | undefined;
    await until("the key is known", async () => {
      viewer = await connectViewer(`${protectedGateway.ws}/foxglove`, { headers }).catch(() => undefined);
      return viewer !== undefined;
    });
    return viewer ?? expect.fail("not connected");
  }

  test("a client that may only read has no capability to publish", async () => {
    await using viewer = await connectAs("reader", ["read:rover:*"]);
    expect(viewer.info).toMatchObject({ capabilities: [], supportedEncodings: [] });
    viewer.client.sendMessage(advertise(viewer, "/rover/cmd_vel"), Buffer.from("{}"));
    expect(await problem(viewer)).toMatch(/^FORBIDDEN: key:reader has no permission to write rover:cmd_vel/);
    expect(await payloads("rover:cmd_vel")).toEqual([]);
  });

  test("are those of the stream", async () => {
    await using viewer = await connectAs("driver", ["read:rover:*", "write:rover:cmd_vel"]);
    viewer.client.sendMessage(advertise(viewer, "/rover/cmd_vel"), Buffer.from("{}"));
    await until("it is stored", async () => (await payloads("rover:cmd_vel")).length === 1);
    advertise(viewer, "/rover/other");
    expect(await problem(viewer)).toMatch(/^FORBIDDEN/);
  });
});

/** Retention of streams: defaults of the settings and limits in the metadata, with a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Streamer } from "../../../../client/index.ts";
import { readRetention } from "../../../../src/domain/streams/retention.ts";
import { ask, dataOf } from "../../../support/clients/graphql.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { silent, startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let streamer: Streamer;
const logged: object[] = [];

beforeAll(async () => {
  // Nodes of one entry, so that approximate trimming is exact.
  redis = await startRedis("--stream-node-max-entries", "1");
  const warn = (fields: object) => logged.push(fields);
  gateway = await startTestGateway(redis.url, { REDIS_STREAM_MAXLEN: "50" }, { ...silent, warn });
  streamer = connect(gateway.http);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const lengthOf = async (stream: string) => Number(await redis.control.call("XLEN", `default:${stream}`));

async function push(stream: string, count: number, bytes = 1, through = streamer): Promise<void> {
  const pushing = through.push(stream);
  for (let i = 0; i < count; i++) await pushing.send("x".repeat(bytes));
  await pushing.close();
}

test("the default applies to a stream without metadata", async () => {
  await push("plain", 80);
  await until("the stream is trimmed", async () => (await lengthOf("plain")) === 50);
});

test("maxEntries of the metadata overrides the default immediately, up and down", async () => {
  await streamer.setMeta("more", { maxEntries: 70 });
  await push("more", 90);
  await until("the stream is trimmed", async () => (await lengthOf("more")) === 70);
  await streamer.setMeta("more", { maxEntries: 5 });
  await push("more", 1);
  expect(await lengthOf("more")).toBe(5);
  await streamer.setMeta("more", { maxEntries: 0 }, { merge: true });
  await push("more", 100);
  expect(await lengthOf("more")).toBe(105);
});

test.each([
  ["applies, also if it is large", 200_000, 70],
  ["of another program is ignored if it is too large to be read", 300_000, 50],
])("metadata %s", async (_, bytes, length) => {
  const stream = `sized-${bytes}`;
  const meta = JSON.stringify({ note: "x".repeat(bytes), maxEntries: 70 });
  await redis.control.call("SET", `:stream:meta:default:${stream}`, meta);
  await push(stream, 90);
  await until("the stream is trimmed", async () => (await lengthOf(stream)) === length);
  const warnings = logged.filter((fields) => "problem" in fields && JSON.stringify(fields).includes(stream));
  expect(warnings.length).toBe(length === 70 ? 0 : 1);
});

test("a starting gateway does not trim entries that the metadata keeps", async () => {
  await streamer.setMeta("kept", { maxEntries: 500 });
  await push("kept", 200);
  await using next = await startTestGateway(redis.url, { REDIS_STREAM_MAXLEN: "10" });
  await push("kept", 20, 1, connect(next.http));
  expect(await lengthOf("kept")).toBe(220);
});

test("maxAge removes older entries with an append", async () => {
  const hourAgo = Date.now() - 3_600_000;
  for (let i = 0; i < 20; i++)
    await redis.control.call("XADD", "default:aged", `${hourAgo + i}-0`, "d", "old");
  await streamer.setMeta("aged", { maxAge: "10m" });
  await push("aged", 1);
  await until("the old entries are gone", async () => {
    await push("aged", 1);
    const [first] = (await redis.control.call("XRANGE", "default:aged", "-", "+", "COUNT", 1)) as [[Buffer]];
    return Number.parseInt(String(first[0]), 10) > hourAgo + 20;
  });
});

test("maxBytes keeps about that many bytes", async () => {
  await streamer.setMeta("heavy", { maxBytes: "10k", maxEntries: 0 });
  await push("heavy", 60, 1000);
  const length = await lengthOf("heavy");
  expect(length).toBeGreaterThan(5);
  expect(length).toBeLessThan(15);
});

test("the settings define default age and bytes", async () => {
  const env = { REDIS_STREAM_MAXLEN: "0", STREAM_MAX_BYTES: "5k", STREAM_MAX_AGE: "1h" };
  await using small = await startTestGateway(redis.url, env);
  const through = connect(small.http);
  await push("bounded", 1, 1000, through);
  await until("the stream is trimmed", async () => {
    await push("bounded", 20, 1000, through);
    return (await lengthOf("bounded")) < 10;
  });
});

describe("invalid members", () => {
  test.each([
    [{ maxEntries: "many" }, "maxEntries must be a non-negative integer"],
    [{ maxEntries: -1 }, "maxEntries must be a non-negative integer"],
    [{ maxAge: 60 }, "maxAge must be a duration with a unit"],
    [{ maxAge: "1 hour" }, "maxAge must be a duration with a unit"],
    [{ maxBytes: "64x" }, "maxBytes must be a number of bytes"],
  ])("%j is rejected by updateStreamMeta", async (meta, sentence) => {
    const query = 'mutation($m: JSON!) { updateStreamMeta(streamId: "bad", meta: $m) }';
    const { errors } = await ask(gateway, query, { m: meta });
    expect(errors?.[0]?.message).toContain(sentence);
    expect(await redis.control.call("EXISTS", ":stream:meta:default:bad")).toBe(0);
  });

  test("are ignored and logged if another program stored them", async () => {
    await redis.control.call("SET", ":stream:meta:default:foreign", '{"maxEntries":"x","maxBytes":"1m"}');
    await push("foreign", 80);
    await until("the stream is trimmed", async () => (await lengthOf("foreign")) === 50);
    expect(logged).toContainEqual(expect.objectContaining({ stream: "default:foreign" }));
  });

  test("other metadata has no limits", () => {
    for (const meta of [null, 5, "x", [], {}, { unit: "m" }])
      expect(readRetention(meta)).toEqual({ limits: {}, problems: [] });
  });
});

test("GraphQL shows the kept span", async () => {
  await redis.control.call("XADD", "default:span", "1000-0", "d", "a");
  await redis.control.call("XADD", "default:span", "11000-5", "d", "b");
  expect((await dataOf(gateway, '{ stream(id: "span") { keptMs } }')).stream).toEqual({ keptMs: 10_000 });
});

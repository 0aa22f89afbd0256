/** Patterns in stream ids and devices, on every route: streams that exist, join later or leave, and rejected patterns. */
import { decode } from "@msgpack/msgpack";
import { createClient } from "graphql-sse";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { readEvents } from "../../../support/clients/sse.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { metricOf } from "../../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
/** Each test has a device of its own. */
let device = "";
let devices = 0;

beforeAll(async () => {
  redis = await startRedis("--notify-keyspace-events", "Kgxen");
  gateway = await startTestGateway(redis.url, { MAX_STREAMS: "5" });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});
beforeEach(() => {
  device = `rover${devices++}`;
});

const add = async (stream: string, data: string, id = "*", of = device) =>
  String(await redis.control.call("XADD", `${of}:${stream}`, id, "d", data));
const remove = (stream: string) => redis.control.call("DEL", `${device}:${stream}`);
/** Stores an entry through the gateway. */
const post = (stream: string, data: string) =>
  request(`${gateway.http}/data/${stream}?device_id=${device}`, { method: "POST", body: data });

const pull = (path: string, query: string) =>
  connectSocket(`${gateway.ws}/data/${path}/pull?device_id=${device}&${query}`);

type Item = readonly [stream: string, id: string, payload: string];

/** Reads messages in JSON until `count` entries have arrived. Notices stay in their place. */
async function read(socket: TestSocket, count: number): Promise<(Item | Record<string, unknown>)[]> {
  const found: (Item | Record<string, unknown>)[] = [];
  while (found.filter(Array.isArray).length < count) {
    const message = JSON.parse(await socket.text()) as readonly Item[] | Record<string, unknown>;
    if (Array.isArray(message)) found.push(...message);
    else found.push(message as Record<string, unknown>);
  }
  return found;
}
const namesIn = (items: readonly (Item | Record<string, unknown>)[]) =>
  items.map((item) => (Array.isArray(item) ? `${item[0]}=${item[2]}` : JSON.stringify(item)));

describe("pull", () => {
  test("delivers the streams that match, by names without the device", async () => {
    await add("cam-1", "a");
    await add("cam-2", "b");
    await add("imu", "c");
    await add("cam-1", "other device", "*", `${device}x`);
    await using socket = await pull("cam-*", "format=json&last_entry_id=0");
    expect(namesIn(await read(socket, 2)).sort()).toEqual(["cam-1=a", "cam-2=b"]);
    await add("imu", "not");
    await add("cam-2", "d");
    expect(namesIn(await read(socket, 1))).toEqual(["cam-2=d"]);
  });

  test("starts existing streams at the cursor, and later ones at their first entry", async () => {
    await add("cam-1", "old");
    await using socket = await pull("*", "format=json&block=0&joins=1");
    const { streams } = JSON.parse(await socket.text());
    expect(streams.map(([name]: [string]) => name)).toEqual(["cam-1"]);
    await add("cam-2", "first");
    await add("cam-2", "second");
    expect(namesIn(await read(socket, 2))).toEqual([
      '{"joined":{"stream_id":"cam-2"}}',
      "cam-2=first",
      "cam-2=second",
    ]);
    await add("cam-1", "new");
    expect(namesIn(await read(socket, 1))).toEqual(["cam-1=new"]);
  });

  test("reports a stream that this gateway creates, and one that is deleted and created again", async () => {
    await using socket = await pull("*", "format=json&block=0&joins=1");
    expect(await socket.text()).toBe('{"streams":[]}');
    await post("a", "1");
    expect(namesIn(await read(socket, 1))).toEqual(['{"joined":{"stream_id":"a"}}', "a=1"]);
    await remove("a");
    expect(await socket.text()).toBe('{"left":{"stream_id":"a"}}');
    await add("a", "2", "1-0");
    expect(namesIn(await read(socket, 1))).toEqual(['{"joined":{"stream_id":"a"}}', "a=2"]);
  });

  test("a renamed stream leaves and joins with all its entries", async () => {
    await add("a", "1");
    await using socket = await pull("*", "format=json&block=0&joins=1");
    await socket.text();
    await redis.control.call("RENAME", `${device}:a`, `${device}:b`);
    const seen = namesIn(await read(socket, 1));
    expect(seen.at(-1)).toBe("b=1");
    expect(seen).toContain('{"joined":{"stream_id":"b"}}');
    if (seen.length < 3) expect(await socket.text()).toBe('{"left":{"stream_id":"a"}}');
  });

  test("combines patterns with names, and leaves out excluded ones", async () => {
    for (const name of ["cam-1", "cam-debug", "imu", "gps"]) await add(name, name);
    await using socket = await pull("imu+cam-*", "format=json&last_entry_id=0&exclude=*-debug+gps");
    expect(namesIn(await read(socket, 2)).sort()).toEqual(["cam-1=cam-1", "imu=imu"]);
    await add("cam-debug", "no");
    await add("cam-2", "yes");
    expect(namesIn(await read(socket, 1))).toEqual(["cam-2=yes"]);
  });

  test("delivers every device as device:stream, with a prefix", async () => {
    await add("raw:cam", "a");
    await add("raw:cam", "b", "*", `${device}b`);
    await add("cam", "no prefix");
    const url = `${gateway.ws}/data/cam/pull?device_id=${device}*&prefix=raw:&format=json&last_entry_id=0`;
    await using socket = await connectSocket(url);
    expect(namesIn(await read(socket, 2)).sort()).toEqual([`${device}:cam=a`, `${device}b:cam=b`]);
    await add("raw:cam", "c", "*", `${device}c`);
    expect(namesIn(await read(socket, 1))).toEqual([`${device}c:cam=c`]);
  });

  test("device_id=* selects every device and no key without one", async () => {
    await redis.control.call("XADD", `whole-${device}`, "*", "d", "no device");
    await add("cam", "a");
    await using socket = await connectSocket(
      `${gateway.ws}/data/cam/pull?device_id=*&format=json&last_entry_id=0&exclude=rover0:*`,
    );
    expect(namesIn(await read(socket, 1)).every((one) => one.includes(":cam="))).toBe(true);
  });

  test("an empty device matches whole keys", async () => {
    await redis.control.call("XADD", `whole-${device}`, "*", "d", "x");
    await using socket = await connectSocket(
      `${gateway.ws}/data/whole-${device}*/pull?device_id=&format=json&last_entry_id=0`,
    );
    expect(namesIn(await read(socket, 1))).toEqual([`whole-${device}=x`]);
  });

  test("takes * literally with pattern=0", async () => {
    await add("*", "star");
    await add("cam", "no");
    await using socket = await pull("*", "format=json&last_entry_id=0&pattern=0");
    expect(namesIn(await read(socket, 1))).toEqual(["*=star"]);
  });

  test("continues each stream at its own cursor after a reconnect, and reads new ones from the beginning", async () => {
    const first = await add("cam 1", "a");
    await add("cam 1", "b");
    const query = `format=json&last_entry_id=${encodeURIComponent(`cam%201=${first}+0`)}`;
    await add("cam+2", "appeared meanwhile");
    await using socket = await pull("cam*", query);
    expect(namesIn(await read(socket, 2)).sort()).toEqual(["cam 1=b", "cam+2=appeared meanwhile"]);
  });

  test("works with headers, with acks, with latest and with MessagePack", async () => {
    await add("a", "1", "1-0");
    await using header = await pull("*", "last_entry_id=0&block=0");
    expect((await header.pair()).header).toEqual([["a", "1-0", 0]]);
    await using acked = await pull("*", "format=json&last_entry_id=0&block=0&ack=1");
    await using latest = await pull("*", "format=msgpack&latest=1&last_entry_id=0&block=0");
    expect(namesIn(await read(acked, 1))).toEqual(["a=1"]);
    expect(decode((await latest.next()).data)).toMatchObject([["a", "1-0", Buffer.from("1")]]);
    await add("b", "2", "2-0");
    acked.send("");
    expect(namesIn(await read(acked, 1))).toEqual(["b=2"]);
    expect(decode((await latest.next()).data)).toMatchObject([["b", "2-0", Buffer.from("2")]]);
    expect((await header.pair()).header).toEqual([["b", "2-0", 0]]);
  });

  test("joins at most MAX_STREAMS streams, and reports the first that does not join", async () => {
    for (let i = 0; i < 4; i++) await add(`s${i}`, "x");
    await using socket = await pull("*", "format=json&block=0&joins=1");
    expect(JSON.parse(await socket.text()).streams).toHaveLength(4);
    await add("s4", "fifth");
    expect(namesIn(await read(socket, 1))).toEqual(['{"joined":{"stream_id":"s4"}}', "s4=fifth"]);
    await add("s5", "sixth");
    await add("s6", "seventh");
    expect(JSON.parse(await socket.text())).toEqual({ limit: { stream_id: "s5", max_streams: 5 } });
    await remove("s0");
    expect(await socket.text()).toBe('{"left":{"stream_id":"s0"}}');
    await add("s7", "room again");
    expect(namesIn(await read(socket, 1))).toEqual(['{"joined":{"stream_id":"s7"}}', "s7=room again"]);
  });

  test("waits for a stream if none matches", async () => {
    await using socket = await pull("nothing-*", "format=json&block=50");
    expect(await socket.text()).toBe("[]");
    await add("nothing-yet", "x");
    let message = "[]";
    while (message === "[]") message = await socket.text();
    expect(message).toContain("nothing-yet");
  });
});

describe("events", () => {
  test("report streams that join and leave, and resume by names", async () => {
    const first = await add("cam-1", "a");
    await using answer = await openAnswer(
      `${gateway.http}/data/cam-*/events?device_id=${device}&last_entry_id=0`,
    );
    const events = readEvents(answer);
    expect(await events.next()).toEqual({ event: "cam-1", data: "a", id: `cam-1=${first}+0` });
    const second = await add("cam-2", "b");
    expect(await events.next()).toMatchObject({ event: "joined", data: '{"stream_id":"cam-2"}' });
    expect(await events.next()).toEqual({
      event: "cam-2",
      data: "b",
      id: `cam-1=${first}+cam-2=${second}+0`,
    });
    await remove("cam-1");
    expect(await events.next()).toEqual({
      event: "left",
      data: '{"stream_id":"cam-1"}',
      id: `cam-2=${second}+0`,
    });
    answer.leave();
    await add("cam-2", "while away");
    await add("cam-3", "new while away");
    await using again = await openAnswer(`${gateway.http}/data/cam-*/events?device_id=${device}`, {
      "last-event-id": events.lastEventId(),
    });
    const resumed = readEvents(again);
    const data = [(await resumed.next())?.data, (await resumed.next())?.data];
    expect(data.sort()).toEqual(["new while away", "while away"]);
  });

  test("begin with a cursor from which a client resumes before the first event", async () => {
    const last = await add("cam-1", "old");
    await using answer = await openAnswer(`${gateway.http}/data/*/events?device_id=${device}&joins=0`);
    const events = readEvents(answer);
    await add("cam-2", "x");
    expect(await events.next()).toMatchObject({ event: "cam-2", data: "x" });
    expect(events.lastEventId()).toContain(`cam-1=${last}`);
  });
});

describe("GET", () => {
  const get = (query: string) => request(`${gateway.http}/data/cam-*?device_id=${device}&${query}`);

  test("returns the next entries of all streams, and cursors with names", async () => {
    await add("cam-1", "a", "1-0");
    await add("cam-2", "b", "2-0");
    const answer = await get("format=json&last_entry_id=0&block=0");
    expect((answer.json() as Item[]).sort()).toEqual([
      ["cam-1", "1-0", "a"],
      ["cam-2", "2-0", "b"],
    ]);
    const cursors = answer.headers["x-last-entry-id"];
    expect(cursors).toBe("cam-1=1-0+cam-2=2-0+0");
    await add("cam-3", "c", "1-0");
    const next = await get(`format=json&block=0&last_entry_id=${cursors}`);
    expect(next.json()).toEqual([["cam-3", "1-0", "c"]]);
  });

  test("waits for the first entry of a stream that does not exist yet", async () => {
    const before = await metricOf(gateway, "readers");
    const answer = get("format=json&last_entry_id=$&block=20000");
    await until("it waits", async () => (await metricOf(gateway, "readers")) > before);
    await add("cam-9", "x", "1-0");
    expect((await answer).json()).toEqual([["cam-9", "1-0", "x"]]);
  });

  test("returns nothing if nothing matches, and payloads alone without a format", async () => {
    expect((await get("format=json&block=0")).json()).toEqual([]);
    await add("cam-1", "a", "1-0");
    const answer = await get("block=0&last_entry_id=0");
    expect([answer.text, answer.headers["x-offsets"]]).toEqual(["a", '[["cam-1","1-0",0]]']);
  });
});

describe("history", () => {
  const page = (query: string) =>
    request(`${gateway.http}/data/*/entries?device_id=${device}&format=json&${query}`);

  test("merges all streams by id, and never divides entries with the same id", async () => {
    for (let i = 1; i <= 6; i++) {
      for (const stream of ["a", "b", "c"]) await add(stream, `${i}`, `${i}-0`);
      if (i === 3) await add("b", "extra", "3-5");
    }
    const seen: string[] = [];
    let path: string | undefined = `/data/*/entries?device_id=${device}&format=json&count=4`;
    while (path !== undefined) {
      const answer = await request(`${gateway.http}${path}`);
      const items = answer.json() as Item[];
      seen.push(...items.map(([stream, id]) => `${id}${stream}`));
      expect(answer.headers["x-last-entry-id"]).toBe(items.at(-1)?.[1]);
      path = /^<(.*)>; rel="next"$/.exec(String(answer.headers.link ?? ""))?.[1];
    }
    const expected = [1, 2, 3, 4, 5, 6].flatMap((i) => ["a", "b", "c"].map((stream) => `${i}-0${stream}`));
    expected.splice(9, 0, "3-5b");
    expect(seen).toEqual(expected);
  });

  test("reads backwards, within bounds", async () => {
    for (let i = 1; i <= 4; i++) for (const stream of ["a", "b"]) await add(stream, `${i}`, `${i}-0`);
    const answer = await page("reverse=1&start=2&end=3-0&count=3");
    expect((answer.json() as Item[]).map(([, id]) => id)).toEqual(["3-0", "3-0", "2-0", "2-0"]);
    expect(answer.headers.link).toBeUndefined();
  });

  test("is empty if nothing matches", async () => {
    expect((await page("")).json()).toEqual([]);
  });
});

test("a GraphQL subscription follows patterns", async () => {
  await add("cam-1", "a");
  const client = createClient({ url: `${gateway.http}/graphql`, retryAttempts: 0 });
  const results = client.iterate({
    query: `subscription($device: String, $streams: JSON!) {
      data(streamIds: $streams, deviceId: $device, exclude: ["*-debug"]) { streamId string }
    }`,
    variables: { device, streams: { "cam-*": "0" } },
  });
  const next = async () => (await results.next()).value?.data?.data;
  expect(await next()).toEqual({ streamId: "cam-1", string: "a" });
  await add("cam-debug", "no");
  await add("cam-2", "b");
  expect(await next()).toEqual({ streamId: "cam-2", string: "b" });
  await results.return?.();
  client.dispose();
});

describe("rejects, naming the parameter,", () => {
  const reasonOf = async (path: string) => {
    await using socket = await connectSocket(`${gateway.ws}/data/${path}`);
    const { code, reason } = await socket.closed;
    return `${code} ${reason}`;
  };

  test.each([
    ["*/pull?header=0", /^1008 BAD_PARAMETER: header must be 1 to pull the streams of a pattern/],
    ["*/push", /^1008 BAD_PARAMETER: stream_id must not be a pattern here/],
    ["cam/push?device_id=*", /^1008 BAD_PARAMETER: device_id must not be a pattern here/],
    ["**/pull?format=json", /^1008 BAD_PARAMETER: stream_id must not contain "\*\*"/],
    [`${"*a".repeat(9)}/pull?format=json`, /^1008 BAD_PARAMETER: stream_id pattern must have at most 8/],
    [`${"x".repeat(10_000)}*/pull?format=json`, /^1008 BAD_PARAMETER: stream_id must be at most/],
    ["*/pull?format=json&exclude=**", /^1008 BAD_PARAMETER: exclude must not contain/],
    ["*/pull?joins=1", /^1008 BAD_PARAMETER: joins requires format=msgpack or format=json/],
    ["*/pull?format=json&last_entry_id=a=b", /^1008 BAD_PARAMETER: last_entry_id must be an entry id/],
    ["cam/pull?format=json&exclude=cam", /^1008 BAD_PARAMETER: exclude must not exclude all/],
  ])("%s", async (path, reason) => {
    expect(await reasonOf(path)).toMatch(reason);
  });

  test.each([
    ["*/mjpeg", /^stream_id must not be a pattern here/],
    ["cam/mjpeg?device_id=*", /^device_id must not be a pattern here/],
    ["*?last_entry_id=1-0%2B2-0", /^last_entry_id must have at most one value without a name/],
    ["a%2Fb*/events?exclude=%zz", /^exclude must be percent-encoded/],
  ])("GET %s", async (path, message) => {
    const answer = await request(`${gateway.http}/data/${path}`);
    expect([answer.status, (answer.json() as { error: string }).error]).toEqual([
      400,
      expect.stringMatching(message),
    ]);
  });
});

/** Playback over real sockets: pull, server-sent events and MJPEG (docs/protocol.md, "Playback"). */
import { decode } from "@msgpack/msgpack";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let streams = 0;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { MAX_STREAMS: "50" });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** The beginning of the recording. */
const T0 = Date.UTC(2026, 10, 27, 10);

interface State {
  readonly status: string;
  readonly time: number;
  readonly rate: number;
  readonly seek: number;
}
type Item = readonly [stream: string, id: string, data: string];

const idOf = (i: number, stepMs = 10): string => `${T0 + i * stepMs}-0`;

async function record(entries: number, stepMs = 10): Promise<string> {
  const stream = `run-${streams++}`;
  for (let i = 0; i < entries; i++)
    await redis.control.call("XADD", `default:${stream}`, idOf(i, stepMs), "d", `"${i}"`);
  return stream;
}

const pull = (path: string) => connectSocket(`${gateway.ws}/data/${path}`);

/** Receives JSON messages until a state with a status; returns entries and states. */
async function receive(socket: TestSocket, status: string) {
  const items: Item[] = [];
  const states: State[] = [];
  for (;;) {
    const message = JSON.parse(await socket.text()) as readonly Item[] | { readonly state: State };
    if (!("state" in message)) items.push(...message);
    else states.push(message.state);
    if (states.at(-1)?.status === status) return { ids: items.map(([, id]) => id), items, states };
  }
}

const range = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => idOf(from + i));

describe("pull", () => {
  test("plays a range, and reports its state", async () => {
    const stream = await record(20);
    const end = new Date(T0 + 150).toISOString();
    await using socket = await pull(
      `${stream}/pull?format=json&rate=2&count=100&start=${T0 + 50}&end=${encodeURIComponent(end)}`,
    );
    const { ids, states } = await receive(socket, "ended");
    expect(ids).toEqual(range(5, 15));
    expect(states[0]).toMatchObject({ status: "playing", time: T0 + 50, rate: 2, seek: 0 });
  });

  test("merges streams by id, and keeps the order in every format", async () => {
    const [a, b] = [await record(4, 20), await record(4, 10)];
    const names = `${a}+${b}`;
    await using one = await pull(`${names}/pull?format=json&rate=0&count=1000`);
    const { items } = await receive(one, "ended");
    const ids = items.map(([, id]) => id);
    expect(ids).toEqual([...ids].sort());
    expect(ids.length).toBe(8);
    await using two = await pull(`${names}/pull?format=msgpack&rate=0&count=1`);
    const seen: string[] = [];
    while (seen.length < 8) {
      const message = decode((await two.next()).data);
      if (Array.isArray(message)) {
        const streamsOfMessage = message.map(([stream]) => stream);
        expect(new Set(streamsOfMessage).size).toBe(streamsOfMessage.length);
        seen.push(...message.map(([, id]) => String(id)));
      }
    }
    expect(seen).toEqual(ids);
    await using three = await pull(`${names}/pull?rate=0&count=1000`);
    const headers: string[] = [];
    while (headers.length < 8) headers.push(...(await three.pair()).header.map(([, id]) => id));
    expect(headers).toEqual(ids);
  });

  test("keeps the order of streams of which one has more than a payload before the other", async () => {
    const [a, b] = [await record(100), `run-${streams++}`];
    const last = idOf(100);
    await redis.control.call("XADD", `default:${b}`, last, "d", "1");
    await using socket = await pull(`${a}+${b}/pull?format=json&rate=0&count=2`);
    const { ids } = await receive(socket, "ended");
    expect(ids).toEqual(range(0, 100));
  });

  test("pauses, steps, seeks, plays on and becomes live, as the client commands", async () => {
    const stream = await record(100);
    await using socket = await pull(`${stream}/pull?format=json&rate=0.1&control=1&count=100`);
    socket.send('{"pause": true}');
    const { ids } = await receive(socket, "paused");
    expect(ids.length).toBeLessThan(50);
    socket.send(JSON.stringify({ seek: T0 + 500 }));
    expect((await receive(socket, "paused")).states.at(-1)).toMatchObject({ time: T0 + 500, seek: 1 });
    socket.send('{"step": 1}');
    expect((await receive(socket, "paused")).ids).toEqual(range(50, 50));
    socket.send('{"step": -2}');
    expect((await receive(socket, "paused")).ids).toEqual(range(48, 48));
    socket.send('{"play": {"rate": 100}}');
    const rest = await receive(socket, "ended");
    expect(rest.ids).toEqual(range(49, 99));
    await redis.control.call("XADD", `default:${stream}`, idOf(100), "d", "1");
    socket.send('{"live": true}');
    await receive(socket, "live");
    expect(JSON.parse(await socket.text())).toEqual([[stream, idOf(100), "1"]]);
    await redis.control.call("XADD", `default:${stream}`, idOf(101), "d", "2");
    expect(JSON.parse(await socket.text())).toEqual([[stream, idOf(101), "2"]]);
  });

  test("runs commands that arrive before its streams are open", async () => {
    const stream = await record(20);
    await using socket = await pull(`${stream}/pull?format=json&rate=0.1&control=1`);
    socket.send('{"pause": true}');
    socket.send(JSON.stringify({ seek: T0 + 100 }));
    socket.send('{"step": 1}');
    socket.send('{"live": true}');
    const { ids, states } = await receive(socket, "live");
    expect(states.at(-1)).toMatchObject({ seek: 1 });
    expect(ids.filter((id) => id === idOf(10)).length).toBeLessThanOrEqual(1);
  });

  test("resumes after a cursor of its range", async () => {
    const stream = await record(20);
    const query = `format=json&rate=0&count=100&start=${idOf(2)}&end=${idOf(12)}`;
    await using resumed = await pull(`${stream}/pull?${query}&last_entry_id=${idOf(7)}`);
    expect((await receive(resumed, "ended")).ids).toEqual(range(8, 12));
    await using early = await pull(`${stream}/pull?${query}&last_entry_id=0`);
    expect((await receive(early, "ended")).ids).toEqual(range(2, 12));
  });

  test("plays the streams of a pattern, with acks and without a format", async () => {
    const stream = await record(5);
    await using pattern = await pull(`${stream.slice(0, -1)}*/pull?format=json&rate=0&count=1000&joins=1`);
    expect(JSON.parse(await pattern.text())).toHaveProperty("streams");
    const { items } = await receive(pattern, "ended");
    expect(items.filter(([name]) => name === stream).map(([, id]) => id)).toEqual(range(0, 4));
    await using acked = await pull(`${stream}/pull?rate=100&ack=1&header=0`);
    for (let i = 0; i < 5; i++) {
      expect(await acked.text()).toBe(`"${i}"`);
      acked.send("");
    }
  });

  test.each([
    ["rate=0.001", /rate must be 0, or a number between 0.1 and 100, got 0.001/],
    ["rate=-1", /rate must be a number between 0 and 100, got "-1"/],
    ["rate=NaN", /rate must be a number between 0 and 100, got "NaN"/],
    ["rate=101", /rate must be a number between 0 and 100, got "101"/],
    ["start=5", /start requires rate/],
    ["end=5", /end requires rate/],
    ["loop=1", /loop requires rate/],
    ["rate=1&start=9&end=5", /end must not be before start/],
    ["rate=1&start=yesterday", /start must be an entry id, milliseconds, an ISO 8601 time/],
  ])("rejects %s", async (query, reason) => {
    await using socket = await pull(`bad/pull?${query}`);
    const closed = await socket.closed;
    expect(closed.code).toBe(1008);
    expect(closed.reason).toMatch(reason);
  });

  test.each([
    ['{"seek":', /a control message must be/],
    ["{}", /a control message must be/],
    ['{"pause": 1}', /pause must be true, got 1/],
    ['{"play": {"rate": 1000}}', /rate must be 0, or a number between/],
    ['{"play": 5}', /play must be true or/],
    ['{"seek": -1}', /seek must be an entry id/],
    ['{"seek": "soon"}', /seek must be an entry id/],
    ['{"seek": 5}', /seek must be between/],
    ['{"step": 0}', /step must be an integer/],
    ['{"step": 11}', /step must be an integer/],
    ['{"step": 1.5}', /step must be an integer/],
    ['{"pause": true, "live": true}', /a control message must be/],
  ])("rejects the command %s, and serves other clients", async (command, reason) => {
    const stream = await record(3);
    const path = `${stream}/pull?format=json&rate=1&control=1&start=${T0}&end=${T0 + 20}`;
    await using other = await pull(path);
    await using socket = await pull(path);
    socket.send(command);
    const closed = await socket.closed;
    expect(closed.code).toBe(1008);
    expect(closed.reason).toMatch(reason);
    expect((await receive(other, "ended")).ids).toEqual(range(0, 2));
  });

  test("rejects commands of a live pull", async () => {
    await using socket = await pull("live/pull?format=json&control=1");
    socket.send('{"pause": true}');
    expect((await socket.closed).reason).toMatch(/pause requires a playback/);
  });
});

test("events: sends entries and states as events", async () => {
  const stream = await record(5);
  await using answer = await openAnswer(`${gateway.http}/data/${stream}/events?rate=100&start=${T0}`);
  let text = "";
  while (!text.includes('"ended"')) text += String(await answer.next());
  expect([...text.matchAll(/^data: "(\d)"$/gm)].map(([, i]) => i)).toEqual(["0", "1", "2", "3", "4"]);
  expect(text).toMatch(/event: state\ndata: \{"status":"playing","time":\d+,"rate":100,"seek":0\}/);
});

test("events: resumes after the last event id", async () => {
  const stream = await record(5);
  await using answer = await openAnswer(`${gateway.http}/data/${stream}/events?rate=0`, {
    "last-event-id": idOf(2),
  });
  let text = "";
  while (!text.includes('"ended"')) text += String(await answer.next());
  expect([...text.matchAll(/^data: "(\d)"$/gm)].map(([, i]) => i)).toEqual(["3", "4"]);
});

test("mjpeg: plays pictures of the past", async () => {
  const stream = `camera-${streams++}`;
  const jpeg = (i: number) => Buffer.from([0xff, 0xd8, 0xff, 0xe0, i, 0xff, 0xd9]);
  for (let i = 0; i < 3; i++) await redis.control.call("XADD", `default:${stream}`, idOf(i), "d", jpeg(i));
  await using answer = await openAnswer(
    `${gateway.http}/data/${stream}/mjpeg?start=${encodeURIComponent(new Date(T0).toISOString())}&rate=1`,
  );
  expect(answer.status).toBe(200);
  let bytes = Buffer.alloc(0);
  while (!bytes.includes(jpeg(2))) bytes = Buffer.concat([bytes, Buffer.from((await answer.next()) ?? "")]);
  for (let i = 0; i < 3; i++) expect(bytes.includes(jpeg(i))).toBe(true);
});

test("events and mjpeg reject invalid rates", async () => {
  for (const route of ["events", "mjpeg"]) {
    const answer = await request(`${gateway.http}/data/cam/${route}?rate=0.01`);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining("rate must be 0, or")]);
  }
});

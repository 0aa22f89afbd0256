/** GraphQL subscriptions over each protocol. */
// cspell:ignore Ijog
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { dataOf } from "../../support/clients/graphql.ts";
import { openAnswer, rawExchange, request } from "../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../support/clients/socket.ts";
import { readEvents } from "../../support/clients/sse.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { DURABLE, startRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway();
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const add = async (stream: string, payload: string | Buffer, id = "*") =>
  String(await redis.control.call("XADD", stream, id, "d", payload));
const metric = (name: string) => metricOf(gateway, name);

/** Running operation. */
interface Running extends AsyncDisposable {
  next(): Promise<Result>;
}
interface Result {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}
type Start = (query: string, variables?: Record<string, unknown>) => Promise<Running>;

const fromIterator = (results: AsyncIterableIterator<unknown>, dispose: () => void): Running => ({
  async next() {
    const { value } = await results.next();
    return value as Result;
  },
  async [Symbol.asyncDispose]() {
    await results.return?.();
    dispose();
  },
});

const modern: Start = async (query, variables = {}) => {
  const client = createWsClient({ url: `${gateway.ws}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 });
  return fromIterator(client.iterate({ query, variables }), () => client.dispose());
};

const sse: Start = async (query, variables = {}) => {
  const client = createSseClient({ url: `${gateway.http}/graphql`, retryAttempts: 0 });
  return fromIterator(client.iterate({ query, variables }), () => client.dispose());
};

const singleSse: Start = async (query, variables = {}) => {
  const client = createSseClient({
    url: `${gateway.http}/graphql`,
    retryAttempts: 0,
    singleConnection: true,
    lazy: true,
  });
  return fromIterator(client.iterate({ query, variables }), () => client.dispose());
};

/** Client of the legacy protocol, written here because no maintained client exists. */
const legacy: Start = async (query, variables = {}) => {
  const socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-ws"]);
  // Like the old client, does not wait for the ack.
  socket.send(JSON.stringify({ type: "connection_init", payload: {} }));
  socket.send(JSON.stringify({ id: "1", type: "start", payload: { query, variables } }));
  expect(JSON.parse(await socket.text())).toEqual({ type: "connection_ack" });
  return {
    async next() {
      const { type, payload } = JSON.parse(await socket.text());
      expect(["data", "error"]).toContain(type);
      return type === "data" ? payload : { errors: [payload] };
    },
    async [Symbol.asyncDispose]() {
      socket.send(JSON.stringify({ id: "1", type: "stop" }));
      socket.send(JSON.stringify({ type: "connection_terminate" }));
      await socket.closed;
    },
  };
};

describe.each([
  ["graphql-transport-ws", modern],
  ["graphql-ws, the older one", legacy],
  ["server-sent events", sse],
  ["server-sent events on one connection", singleSse],
])("over %s", (_name, start) => {
  test("delivers one payload per entry, from a cursor and then live", async () => {
    const first = await add("default:glf", '{"x": 1}', "1-1");
    await using running = await start(
      "subscription Data($sids: JSON!) { data(streamIds: $sids) { streamId time data string json entries { id } } }",
      { sids: { glf: "0" } },
    );
    expect(await running.next()).toEqual({
      data: {
        data: {
          streamId: "glf",
          time: first,
          data: "eyJ4IjogMX0=",
          string: '{"x": 1}',
          json: { x: 1 },
          entries: [{ id: first }],
        },
      },
    });
    const second = await add("default:glf", "5", "2-1");
    const result = await running.next();
    expect(result.data?.data).toMatchObject({ time: second, json: 5 });
  });

  test("delivers the other fields of a payload that is not text", async () => {
    await add("default:glf", Buffer.from([0xff]), "1-1");
    await using running = await start('subscription { data(streamIds: {glf: "-"}) { time string data } }');
    const { data, errors } = await running.next();
    expect(data).toEqual({ data: { time: "1-1", string: null, data: "/w==" } });
    expect(errors?.[0]?.extensions.code).toBe("BAD_PAYLOAD");
  });

  test("stops reading when the subscription ends", async () => {
    const before = await metric("readers");
    {
      await using running = await start('subscription { data(streamIds: ["glf"]) { time } }');
      const next = running.next();
      await until("it reads", async () => (await metric("readers")) === before + 1);
      await add("default:glf", "x");
      await next;
    }
    await until("it no longer reads", async () => (await metric("readers")) === before);
  });
});

describe.each([
  ["graphql-transport-ws", modern],
  ["graphql-ws, the older one", legacy],
  ["server-sent events", sse],
])("errors over %s", (_name, start) => {
  test("reports errors with their code", async () => {
    for (const [query, code] of [
      ["subscription { nonsense }", "GRAPHQL_VALIDATION_FAILED"],
      ["subscription { data(streamIds: []) { time } }", "BAD_PARAMETER"],
      ['subscription { data(streamIds: {a: "x"}) { time } }', "BAD_PARAMETER"],
      ['subscription { data(streamIds: ["a"], count: 0) { time } }', "BAD_PARAMETER"],
    ] as const) {
      await using running = await start(query);
      const failed = await running.next().catch((error: unknown) => ({ errors: error as Result["errors"] }));
      expect(failed.errors?.[0]?.extensions.code, query).toBe(code);
      if (query.includes('{a: "x"}'))
        expect(failed.errors?.[0]?.message).toMatch(/^streamIds\.a must be an entry id/);
    }
  });
});

describe("data", () => {
  test("delivers new entries without a cursor, of several streams, of a device", async () => {
    await add("cam:a", "old");
    const before = await metric("readers");
    await using running = await modern(
      'subscription { data(streamIds: ["a", "b"], deviceId: "cam") { streamId string } }',
    );
    const next = running.next();
    await until("it reads", async () => (await metric("readers")) > before);
    await add("cam:b", "new");
    expect(await next).toEqual({ data: { data: { streamId: "b", string: "new" } } });
  });

  test("delivers lists with count", async () => {
    for (let i = 1; i <= 5; i++) await add("default:a", i === 4 ? Buffer.from([0xff]) : String(i), `${i}-0`);
    await using running = await modern(
      'subscription { data(streamIds: {a: "0"}, count: 3) { streamId time string json } }',
    );
    expect(await running.next()).toEqual({
      data: {
        data: { streamId: "a", time: ["1-0", "2-0", "3-0"], string: ["1", "2", "3"], json: [1, 2, 3] },
      },
    });
    expect(await running.next()).toEqual({
      data: { data: { streamId: "a", time: ["4-0", "5-0"], string: [null, "5"], json: [null, 5] } },
    });
  });

  test("delivers the newest entry with latest", async () => {
    for (let i = 1; i <= 5; i++) await add("default:a", String(i), `${i}-0`);
    await using running = await modern('subscription { data(streamIds: {a: "0"}, latest: true) { time } }');
    expect(await running.next()).toEqual({ data: { data: { time: "5-0" } } });
  });

  test("supports the old name", async () => {
    await add("cam:a", "x", "1-0");
    await using running = await modern(
      'subscription { streams(streamIds: {a: "0"}, device: "cam") { streamId time data } }',
    );
    expect(await running.next()).toEqual({ data: { streams: { streamId: "a", time: "1-0", data: "eA==" } } });
    await add("default:a", "y", "2-0");
    await using ofNone = await modern('subscription { streams(streamIds: {a: "0"}, device: null) { time } }');
    expect(await ofNone.next()).toEqual({ data: { streams: { time: "2-0" } } });
  });

  test("reads a stream once for 200 subscriptions", async () => {
    const client = createWsClient({
      url: `${gateway.ws}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    });
    const others = createWsClient({
      url: `${gateway.ws}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    });
    const before = await metric("readers");
    const running = Array.from({ length: 200 }, (_, i) =>
      (i % 2 === 0 ? client : others).iterate({
        query: 'subscription { data(streamIds: ["a"]) { string } }',
      }),
    );
    const firsts = running.map((one) => one.next());
    await until("all read", async () => (await metric("readers")) === before + 200);
    const reads = await metric("tail_reads_total");
    const connections = async () =>
      String(await redis.control.call("CLIENT", "LIST"))
        .split("\n")
        .filter((line) => line.includes("name=redis-streamer:tail")).length;
    expect(await connections()).toBe(1);
    await add("default:a", "one");
    for (const { value } of await Promise.all(firsts))
      expect(value).toEqual({ data: { data: { string: "one" } } });
    expect((await metric("tail_reads_total")) - reads).toBeLessThanOrEqual(2);
    await client.dispose();
    await others.dispose();
  });

  test("pauses a client that does not read, without effect on other clients and without loss", async () => {
    const entries = 300;
    const payload = "x".repeat(20_000);
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, 'subscription { data(streamIds: {slow: "0"}) { time string } }');
    const before = await metric("slow_pauses_total");
    socket.raw.pause();
    for (let i = 1; i <= entries; i++) await add("default:slow", payload, `${i}-0`);
    await until("it is paused", async () => (await metric("slow_pauses_total")) > before);
    await using other = await modern('subscription { data(streamIds: {other: "0"}) { string } }');
    await add("default:other", "quick");
    expect(await other.next()).toEqual({ data: { data: { string: "quick" } } });
    socket.raw.resume();
    for (let i = 1; i <= entries; i++) {
      const { payload: result } = JSON.parse(await socket.text());
      expect(result.data.data.time).toBe(`${i}-0`);
    }
  });

  test("continues at its position after Redis was unavailable", async () => {
    await using own = await startRedis();
    await using ownGateway = await startTestGateway(own.url);
    await using socket = await connectSocket(`${ownGateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, 'subscription { data(streamIds: {a: "0"}) { string } }');
    await own.control.call("XADD", "default:a", "*", "d", "before");
    expect(JSON.parse(await socket.text()).payload.data).toEqual({ data: { string: "before" } });
    await own.kill();
    await until("the test's own connection is lost too", () => !own.control.isReady());
    await own.start();
    await own.control.call("XADD", "default:a", "*", "d", "after");
    const seen: string[] = [];
    while (!seen.includes("after")) seen.push(JSON.parse(await socket.text()).payload.data.data.string);
    expect(seen.at(-1)).toBe("after");
  });

  test("ends with an error while Redis is unavailable", async () => {
    await using own = await startRedis();
    await using ownGateway = await startTestGateway(own.url, { REDIS_WAIT_MS: "50" });
    await own.kill();
    await using socket = await connectSocket(`${ownGateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, 'subscription { data(streamIds: ["a"]) { string } }');
    const message = JSON.parse(await socket.text());
    expect(JSON.stringify(message)).toContain("REDIS_UNAVAILABLE");
  });
});

describe("events", () => {
  test("reports devices that connect and disconnect", async () => {
    await using running = await modern("subscription { devices { deviceId connected meta } }");
    const before = await metric("readers");
    const next = running.next();
    await until("it reads", async () => (await metric("readers")) > before);
    await dataOf(gateway, 'mutation { connectDevice(id: "rover", meta: {x: 1}) }');
    expect(await next).toEqual({ data: { devices: { deviceId: "rover", connected: true, meta: { x: 1 } } } });
    await dataOf(gateway, 'mutation { disconnectDevice(id: "rover") }');
    expect(await running.next()).toEqual({
      data: { devices: { deviceId: "rover", connected: false, meta: null } },
    });
  });

  test("reports metadata changes by any client", async () => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, 'subscription { streamMeta(streamIds: ["a"], deviceId: "cam") { streamId meta } }');
    const isWatched = async () =>
      String(await redis.control.call("CLIENT", "LIST")).includes("redis-streamer:meta");
    const set = (stream: string, meta: object) =>
      redis.control.call("SET", `:stream:meta:cam:${stream}`, JSON.stringify(meta));
    const nextChange = async () => JSON.parse(await socket.text()).payload.data.streamMeta;
    let isReported = false;
    let last = nextChange().finally(() => {
      isReported = true;
    });
    let tries = 0;
    await until("changes are reported", async () => {
      await set("a", { tries: tries++ });
      return isReported;
    });
    await set("other", {});
    await set("a", { x: 1 });
    while ((await last).meta.x !== 1) last = nextChange();
    expect(await last).toEqual({ streamId: "a", meta: { x: 1 } });
    await redis.control.call("DEL", ":stream:meta:cam:a");
    expect(await nextChange()).toEqual({ streamId: "a", meta: {} });
    socket.send(JSON.stringify({ id: "1", type: "complete" }));
    await until("metadata is no longer watched", async () => !(await isWatched()));
  });
});

test("reports all metadata again after Redis was unavailable, because changes may have been missed", async () => {
  await using own = await startRedis(...DURABLE);
  await using ownGateway = await startTestGateway(own.url);
  await using socket = await connectSocket(`${ownGateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
  await begin(socket, "subscription { streamMeta { streamId meta } }");
  const nextChange = async () => JSON.parse(await socket.text()).payload.data.streamMeta;
  const first = nextChange();
  let isReported = false;
  first.then(() => {
    isReported = true;
  });
  await until("changes are reported", async () => {
    await own.control.call("SET", ":stream:meta:cam:a", '{"x":1}');
    return isReported;
  });
  expect(await first).toEqual({ streamId: "cam:a", meta: { x: 1 } });
  await own.control.call("SET", ":stream:meta:cam:a", '{"x":2}');
  while ((await nextChange()).meta.x !== 2);
  await own.kill();
  await until("the test's own connection is lost too", () => !own.control.isReady());
  await own.start();
  expect(await nextChange()).toEqual({ streamId: "cam:a", meta: { x: 2 } });
});

describe("event streams on one connection", () => {
  const operate = (token: string, extensions: object, query = "{ streamIds }") =>
    request(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-graphql-event-stream-token": token },
      body: JSON.stringify({ query, extensions }),
    });

  test("rejects a stream that does not exist, and a missing token", async () => {
    expect((await operate("nonsense", { operationId: "1" })).status).toBe(404);
    const { text: token, status } = await request(`${gateway.http}/graphql`, { method: "PUT" });
    expect(status).toBe(201);
    expect((await operate(token, {})).json()).toMatchObject({ code: "BAD_PARAMETER" });
    const wrong = await operate(token, { operationId: "1" }, "{ nonsense }");
    expect(wrong.status).toBe(400);
    expect(wrong.json()).toMatchObject({ errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] });
  });

  test("sends results with the operation id, and rejects a second open of a stream", async () => {
    const { text: token } = await request(`${gateway.http}/graphql`, { method: "PUT" });
    const url = `${gateway.http}/graphql?token=${token}`;
    await using answer = await openAnswer(url, { accept: "text/event-stream" });
    const events = readEvents(answer);
    expect((await operate(token, { operationId: "7" })).status).toBe(202);
    const next = await events.next();
    expect(next?.event).toBe("next");
    expect(JSON.parse(next?.data ?? "")).toEqual({ id: "7", payload: { data: { streamIds: [] } } });
    expect(await events.next()).toMatchObject({ event: "complete", data: '{"id":"7"}' });
    expect((await request(url, { headers: { accept: "text/event-stream" } })).status).toBe(400);
  });

  test("limits the number of reserved streams", async () => {
    await using own = await startTestGateway(redis.url);
    const reserve = "PUT /graphql HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const last = reserve.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    // On one connection, because a reservation ends after a while, and a thousand connections may take that long.
    const received = await rawExchange(Number(new URL(own.http).port), reserve.repeat(1000) + last);
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toEqual([...Array(1000).fill("201"), "429"]);
  });
});

describe("sockets", () => {
  test("stops reading requests of a client that does not read results", async () => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, "{ __typename }");
    await socket.text();
    await socket.text();
    socket.raw.pause();
    const ping = JSON.stringify({ type: "ping", payload: { text: "x".repeat(100_000) } });
    const pings = 500;
    for (let i = 0; i < pings; i++) socket.send(ping);
    let before: number;
    do {
      before = socket.raw.bufferedAmount;
      for (let i = 0; i < 100; i++) await dataOf(gateway, "{ __typename }");
    } while (socket.raw.bufferedAmount !== before);
    // The gateway reads no more, so the rest stays at the client.
    expect(before).toBeGreaterThan(10_000_000);
    socket.raw.resume();
    for (let i = 0; i < pings; i++) expect((await socket.text()).length).toBe(ping.length);
  });

  test("rejects another subprotocol", async () => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`);
    expect((await socket.closed).code).toBe(4406);
  });

  test.each([
    ["no JSON", "nonsense", 4400],
    ["an unknown message", '{"type": "nonsense"}', 4400],
    [
      "an operation before the init",
      '{"id": "1", "type": "subscribe", "payload": {"query": "{ streamIds }"}}',
      4401,
    ],
  ])("%s closes", async (_what, message, code) => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    socket.send(message);
    expect((await socket.closed).code).toBe(code);
  });

  test("limits the number of operations on a socket", async () => {
    await using few = await startTestGateway(redis.url, { GRAPHQL_MAX_OPERATIONS: "1" });
    await using socket = await connectSocket(`${few.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, 'subscription { data(streamIds: ["a"]) { string } }');
    socket.send(JSON.stringify({ id: "2", type: "subscribe", payload: { query: "{ streamIds }" } }));
    expect(JSON.parse(await socket.text())).toMatchObject({
      id: "2",
      type: "error",
      payload: [{ extensions: { code: "GRAPHQL_LIMIT_EXCEEDED" } }],
    });
  });

  test("rejects a page of another origin", async () => {
    const headers = { origin: "https://elsewhere.example" };
    await expect(connectSocket(`${gateway.ws}/graphql`, headers, ["graphql-transport-ws"])).rejects.toThrow(
      "403",
    );
  });

  test("closes sockets when the gateway shuts down", async () => {
    const own = await startTestGateway(redis.url);
    const socket = await connectSocket(`${own.ws}/graphql`, {}, ["graphql-transport-ws"]);
    await begin(socket, 'subscription { data(streamIds: ["a"]) { string } }');
    const query = encodeURIComponent('subscription { data(streamIds: ["a"]) { string } }');
    await using answer = await openAnswer(`${own.http}/graphql?query=${query}`, {
      accept: "text/event-stream",
    });
    const events = readEvents(answer);
    await own.close();
    expect(await socket.closed).toEqual({
      code: 1001,
      reason: "SHUTTING_DOWN: the gateway is shutting down",
    });
    let event = await events.next();
    while (event !== undefined && event.event !== "complete") event = await events.next();
    expect(event?.event).toBe("complete");
  });
});

/** Starts an operation on a socket with the modern protocol. */
async function begin(socket: TestSocket, query: string): Promise<void> {
  socket.send(JSON.stringify({ type: "connection_init" }));
  expect(JSON.parse(await socket.text())).toEqual({ type: "connection_ack" });
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
}

test("subscriptions whose id was reused before they had started end with their connection", async () => {
  await using ownGateway = await startTestGateway(redis.url);
  const readers = () => metricOf(ownGateway, "readers");
  const subscribe = JSON.stringify({
    id: "1",
    type: "subscribe",
    payload: { query: 'subscription { data(streamIds: ["reused"]) { string } }' },
  });
  await using socket = await connectSocket(`${ownGateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
  socket.send(JSON.stringify({ type: "connection_init" }));
  await socket.text();
  for (let i = 0; i < 20; i++) {
    socket.send(subscribe);
    socket.send(JSON.stringify({ id: "1", type: "complete" }));
  }
  socket.send(subscribe);
  await until("the subscriptions read", async () => (await readers()) > 0);
  socket.close();
  await socket.closed;
  await until("none reads any more", async () => (await readers()) === 0);
});

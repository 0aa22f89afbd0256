/** Placeholders of large results, and large results of each protocol over a real gateway. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LargeResults } from "../../../../src/transports/graphql/protocol/large-results.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

const PAYLOAD = `${"é😀".repeat(30_000)}"\n`;
const QUERY = '{stream(id:"large"){entries(first:3){nodes{string}}}}';
const RESULT = { data: { stream: { entries: { nodes: Array(3).fill({ string: PAYLOAD }) } } } };

describe("a placeholder", () => {
  const json = [Buffer.from('{"data":'), Buffer.from("1}")];

  test("is replaced by the JSON of its result", () => {
    const results = new LargeResults();
    const [first, second] = [results.hold(json), results.hold([Buffer.from("2")])];
    const sent = (payload: object) =>
      Buffer.concat([...(results.partsOf(JSON.stringify({ id: "1", payload })) ?? [])]).toString();
    expect(sent(second)).toBe('{"id":"1","payload":2}');
    expect(sent(first)).toBe('{"id":"1","payload":{"data":1}}');
  });

  test("is used once, and other messages have none", () => {
    const results = new LargeResults();
    const text = JSON.stringify({ payload: results.hold(json) });
    expect(results.partsOf('{"type":"pong"}')).toBeUndefined();
    expect(results.partsOf(text)).toBeDefined();
    expect(results.partsOf(text)).toBeUndefined();
  });
});

describe("a large result arrives complete", () => {
  let redis: TestRedis;
  let gateway: TestGateway;
  beforeAll(async () => {
    redis = await startRedis();
    gateway = await startTestGateway(redis.url);
    for (let i = 0; i < 3; i++) await redis.control.call("XADD", "default:large", "*", "d", PAYLOAD);
  });
  afterAll(async () => {
    await gateway.close();
    await redis[Symbol.asyncDispose]();
  });

  const post = (accept: string) =>
    fetch(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify({ query: QUERY }),
    });

  test("over HTTP", async () => {
    const response = await post("application/json");
    const body = await response.text();
    expect(JSON.parse(body)).toEqual(RESULT);
    expect(Number(response.headers.get("content-length"))).toBe(Buffer.byteLength(body));
  });

  test("as an event", async () => {
    const events = (await (await post("text/event-stream")).text()).split("\n\n");
    const next = events.find((event) => event.startsWith("event: next\ndata: ")) ?? "";
    expect(JSON.parse(next.slice("event: next\ndata: ".length))).toEqual(RESULT);
    expect(events.filter((event) => event.startsWith("event: "))).toHaveLength(2);
  });

  test.each([
    ["graphql-transport-ws", "subscribe", "next"],
    ["graphql-ws", "start", "data"],
  ])("over a WebSocket with %s", async (protocol, start, type) => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, [protocol]);
    socket.send('{"type":"connection_init"}');
    expect(JSON.parse(await socket.text())).toMatchObject({ type: "connection_ack" });
    for (const id of ["1", "2"]) socket.send(JSON.stringify({ id, type: start, payload: { query: QUERY } }));
    const messages = [];
    for (let i = 0; i < 4; i++) messages.push(JSON.parse(await socket.text()));
    for (const id of ["1", "2"]) {
      expect(messages).toContainEqual({ id, type, payload: RESULT });
      expect(messages).toContainEqual({ id, type: "complete" });
    }
  });
});

/** Connections that are cut at any time release all of their memory, over real sockets. */
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { BINARY, clientFrame, TEXT } from "../../../support/clients/client-frames.ts";
import { rawRequest, upgradeRequest } from "../../../support/clients/raw-requests.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  await using filling = await startTestGateway(redis.url);
  const body = new Uint8Array(MIB / 4).fill(97);
  for (let i = 0; i < 32; i++) await fetch(`${filling.http}/data/big`, { method: "POST", body });
});
beforeEach(async () => {
  gateway = await startTestGateway(redis.url, {
    TOTAL_RECEIVE_BYTES: "16m",
    TOTAL_ANSWER_BYTES: "16m",
    MAX_ANSWER_BYTES: "4m",
    MEMORY_WAIT_MS: "300",
  });
});
afterEach(() => gateway.close());
afterAll(() => redis[Symbol.asyncDispose]());

const JSON_TYPE = "Content-Type: application/json";
const text = (value: unknown): Buffer =>
  clientFrame({ opcode: TEXT, payload: Buffer.from(JSON.stringify(value)) });
const QUERY = '{stream(id:"big"){entries(first:8){nodes{string base64}}}}';
const SUBSCRIPTION = 'subscription{data(streamIds:{big:"0"},count:10){data}}';
const small = rawRequest("POST /data/small", [], Buffer.alloc(KIB));
const large = rawRequest("POST /data/large", [], Buffer.alloc(2 * MIB));
const read = rawRequest("GET /data/big?last_entry_id=0&count=100&block=0&format=json");
const query = rawRequest("POST /graphql", [JSON_TYPE], JSON.stringify({ query: QUERY }));

/** Bytes that a connection sends. */
const REQUESTS: Readonly<Record<string, Buffer>> = {
  "a read": read,
  "pipelined reads": Buffer.concat(Array.from({ length: 12 }, () => read)),
  "a read that waits": rawRequest("GET /data/none?block=3000"),
  history: rawRequest("GET /data/big/entries?count=100&format=msgpack"),
  "a small body": small,
  "pipelined small bodies": Buffer.concat(Array.from({ length: 20 }, () => small)),
  "a large body": large,
  "a read, then bodies": Buffer.concat([read, small, large, read]),
  "a chunked body": Buffer.concat([
    Buffer.from(
      "POST /data/chunked HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
    ),
    Buffer.alloc(MIB),
  ]),
  "a GraphQL query": query,
  "pipelined GraphQL queries": Buffer.concat([query, query, query, query]),
  "a GraphQL mutation": rawRequest(
    "POST /graphql",
    [JSON_TYPE],
    JSON.stringify({
      query: `mutation{append(streamId:"appended",entries:[{string:"${"a".repeat(8 * KIB)}"}]){error}}`,
    }),
  ),
  events: rawRequest("GET /data/big/events?last_entry_id=0&format=base64"),
  "events behind a read": Buffer.concat([
    read,
    rawRequest("GET /data/big/events?last_entry_id=0&format=base64"),
  ]),
  "a GraphQL subscription as events": rawRequest(
    "POST /graphql",
    [JSON_TYPE, "Accept: text/event-stream"],
    JSON.stringify({ query: SUBSCRIPTION }),
  ),
  "a pull": upgradeRequest("/data/big/pull?last_entry_id=0&count=100"),
  "a pull at intervals": upgradeRequest("/data/big/pull?last_entry_id=0&count=100&max_fps=1"),
  "a push": Buffer.concat([
    upgradeRequest("/data/pushed/push?header=0&ack=1"),
    clientFrame({ opcode: BINARY, payload: Buffer.alloc(2 * MIB) }),
    clientFrame({ opcode: BINARY, payload: Buffer.alloc(MIB) }),
  ]),
  "a push that is decoded in slices and rejected": Buffer.concat([
    upgradeRequest("/data/pushed/push?format=json"),
    clientFrame({ opcode: TEXT, payload: Buffer.from(`["${"a".repeat(2 * MIB)}"]`) }),
  ]),
  "GraphQL operations that share an id": Buffer.concat([
    upgradeRequest("/graphql", "graphql-transport-ws"),
    text({ type: "connection_init" }),
    text({ type: "subscribe", id: "1", payload: { query: SUBSCRIPTION } }),
    text({ type: "complete", id: "1" }),
    text({ type: "subscribe", id: "1", payload: { query: QUERY } }),
    text({ type: "complete", id: "1" }),
    text({ type: "subscribe", id: "1", payload: { query: SUBSCRIPTION } }),
  ]),
};

interface Visit {
  readonly what: string;
  /** Fraction of the bytes that are sent. */
  readonly part: number;
  /** Fraction of a second after which the connection ends. */
  readonly after: number;
  readonly isReading: boolean;
  readonly end: "destroy" | "resetAndDestroy" | "end";
}

const visits: fc.Arbitrary<readonly Visit[]> = fc.array(
  fc.record({
    what: fc.constantFrom(...Object.keys(REQUESTS)),
    part: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
    after: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.5, noNaN: true })),
    isReading: fc.boolean(),
    end: fc.constantFrom("destroy", "resetAndDestroy", "end"),
  }),
  { minLength: 10, maxLength: 40 },
);

/** Runs one visit. @returns the connection, after its client ended it */
async function play({ what, part, after, isReading, end }: Visit): Promise<Socket> {
  const { port, hostname: host } = new URL(gateway.http);
  const socket = connect({ port: Number(port), host });
  socket.on("error", () => undefined);
  if (isReading) socket.resume();
  const bytes = REQUESTS[what] ?? Buffer.alloc(0);
  socket.write(bytes.subarray(0, Math.ceil(bytes.length * part)));
  await new Promise((resolve) => setTimeout(resolve, 1000 * after));
  socket[end]();
  return socket;
}

/** Returns the uses that hold memory, from the metrics. */
async function heldUses(): Promise<readonly string[]> {
  const page = await (await fetch(`${gateway.http}/metrics`)).text();
  return [...page.matchAll(/^redis_streamer_memory_bytes\{use="(\w+)"\} (\d+)$/gm)]
    .filter(([, , bytes]) => Number(bytes) > 0)
    .map(([line]) => line);
}

test.each(Object.keys(REQUESTS))(
  "%s: releases all memory when the client disconnects at any time",
  async (what) => {
    for (const end of ["destroy", "resetAndDestroy"] as const)
      for (const after of [0, 0.001, 0.005, 0.02, 0.1])
        await Promise.all([true, false].map((isReading) => play({ what, part: 1, after, isReading, end })));
    await until("all memory is returned", async () => (await heldUses()).length === 0);
  },
);

test("releases all memory whatever clients send and whenever they disconnect", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(visits, async (all) => {
      const sockets = await Promise.all(all.map(play));
      // A half-closed client may still receive its response.
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const socket of sockets) socket.destroy();
      await until("all memory is returned", async () => (await heldUses()).length === 0).catch(async () => {
        expect(await heldUses()).toEqual([]);
      });
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

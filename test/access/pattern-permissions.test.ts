/** Permissions of patterns: only streams that the client may read exist for it, also those that appear later. */
import { createClient } from "graphql-sse";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAnswer, request } from "../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../support/clients/socket.ts";
import { readEvents } from "../support/clients/sse.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../support/gateway/keys.ts";
import { bearer, guardedBy, tokenFor } from "../support/gateway/tokens.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let keys: TestKeys;
let labKey = "";

beforeAll(async () => {
  redis = await startRedis("--notify-keyspace-events", "Kgxen");
  keys = createTestKeys();
  labKey = keys.add("lab", ["read:lab:*"]);
  gateway = await startTestGateway(redis.url, guardedBy(keys));
});
afterAll(async () => {
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

const add = (key: string, data: string) => redis.control.call("XADD", key, "*", "d", data);
const pull = (device: string, credential: string, query = "") =>
  connectSocket(
    `${gateway.ws}/data/*/pull?device_id=${device}&format=json&block=0&joins=1&last_entry_id=0${query}`,
    bearer(credential),
  );
const streamsOf = async (socket: TestSocket) =>
  (JSON.parse(await socket.text()) as { streams: [string, string][] }).streams.map(([name]) => name);

test("a permission that covers a pattern partly yields that part, also later", async () => {
  await add("rover:cam-1", "a");
  await add("rover:imu", "secret");
  await using socket = await pull("rover", await tokenFor(["read:rover:cam*"]));
  expect(await streamsOf(socket)).toEqual(["cam-1"]);
  expect(await socket.text()).toContain('"a"');
  await add("rover:gps", "secret");
  await add("rover:cam-2", "b");
  expect(await socket.text()).toBe('{"joined":{"stream_id":"cam-2"}}');
  expect(await socket.text()).toContain('"b"');
});

test("without any permission nothing exists", async () => {
  await add("mast:cam", "a");
  const token = bearer(await tokenFor(["read:other:*"]));
  const get = (path: string) =>
    request(`${gateway.http}/data/*${path}?device_id=mast&format=json&block=0`, { headers: token });
  expect((await get("")).json()).toEqual([]);
  expect((await get("/entries")).json()).toEqual([]);
});

test("a name beside the pattern still needs its permission", async () => {
  await using socket = await connectSocket(
    `${gateway.ws}/data/imu+cam*/pull?device_id=rover&format=json`,
    bearer(await tokenFor(["read:rover:cam*"])),
  );
  expect(await socket.closed).toMatchObject({ code: 4403 });
});

test("an edited key ends the streams that it no longer permits, and not the socket", async () => {
  await add("lab:a", "1");
  await add("lab:b", "2");
  await using events = await openAnswer(
    `${gateway.http}/data/*/events?device_id=lab&last_entry_id=0`,
    bearer(labKey),
  );
  const reader = readEvents(events);
  expect([(await reader.next())?.event, (await reader.next())?.event].sort()).toEqual(["a", "b"]);
  keys.permit("lab", ["read:lab:a"]);
  expect(await reader.next()).toMatchObject({ event: "left", data: '{"stream_id":"b"}' });
  await add("lab:b", "no longer");
  await add("lab:c", "never");
  await add("lab:a", "still");
  expect(await reader.next()).toMatchObject({ event: "a", data: "still" });
});

test("a renewed token that permits less ends only the streams that it does not permit", async () => {
  await add("desk:a", "1");
  await add("desk:b", "2");
  await using socket = await pull("desk", await tokenFor(["read:desk:*"]), "&control=1");
  expect((await streamsOf(socket)).sort()).toEqual(["a", "b"]);
  await socket.text();
  await socket.text();
  socket.send(JSON.stringify({ token: await tokenFor(["read:desk:b"]) }));
  expect(await socket.text()).toBe('{"left":{"stream_id":"a"}}');
  await add("desk:a", "no longer");
  await add("desk:b", "still");
  expect(await socket.text()).toContain('"still"');
});

test("a GraphQL subscription sees only permitted streams", async () => {
  await add("yard:cam", "a");
  await add("yard:imu", "secret");
  const client = createClient({
    url: `${gateway.http}/graphql`,
    headers: bearer(await tokenFor(["read:yard:cam*"])),
    retryAttempts: 0,
  });
  const results = client.iterate({
    query: 'subscription { data(streamIds: ["yard:*"]) { streamId } }',
  });
  const first = results.next();
  // The subscription reads from now on, so entries are added until one arrives.
  const adding = setInterval(() => {
    void add("yard:imu", "secret");
    void add("yard:cam-2", "b");
  }, 20);
  expect((await first).value?.data).toEqual({ data: { streamId: "yard:cam-2" } });
  clearInterval(adding);
  await results.return?.();
  client.dispose();
});

test("the list of connections shows the streams that a pattern reads", async () => {
  await add("shed:cam", "a");
  await using socket = await pull("shed", await tokenFor(["read:shed:*"]));
  await socket.text();
  const answer = await request(`${gateway.http}/admin/connections`, {
    headers: bearer(await tokenFor(["admin:*"])),
  });
  const shown = answer.json() as { streams: string[] }[];
  expect(shown.map(({ streams }) => streams)).toContainEqual(["shed:cam"]);
});

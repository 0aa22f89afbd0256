/** Requests whose body can never be complete, because its next bytes are malformed or do not arrive. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { openRaw, rawHead, statusesIn } from "../../../support/clients/raw-connection.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { createTestKeys } from "../../../support/gateway/keys.ts";
import { metricOf } from "../../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const KIB = 1024;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const CHUNKED = "Transfer-Encoding: chunked";
const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
const GARBAGE = "garbage\r\n";
/** The rest of a body that does not arrive. */
const SILENCE = "";
/** Settings with which a request must be complete soon. */
const IMPATIENT = { UPLOAD_TIMEOUT_MS: "1000" };

const bodyBytes = (gateway: TestGateway) => metricOf(gateway, 'memory_bytes{use="body"}');

/** Opens events, on whose connection a request follows. */
async function openEvents(gateway: TestGateway) {
  const client = openRaw(gateway);
  client.socket.write(rawHead("GET /data/quiet/events"));
  await until("it is open", () => client.received().includes("HTTP/1.1 200"));
  return client;
}

describe("the body of a request behind events releases its memory while they stay open", () => {
  test.each<[string, number, Record<string, string>, string]>([
    ["when it is malformed", 400, {}, GARBAGE],
    ["when it is not complete in time", 408, IMPATIENT, SILENCE],
    ["when it is over the limit", 413, { MAX_MESSAGE_BYTES: "400k" }, chunk(200 * KIB)],
  ])("%s", async (_what, status, env, rest) => {
    await using gateway = await startTestGateway(redis.url, env);
    const { socket, received, closed } = await openEvents(gateway);
    socket.write(rawHead("POST /data/broken", CHUNKED) + chunk(300 * KIB));
    if (rest === SILENCE)
      await until(
        "it is late",
        async () => (await metricOf(gateway, 'limits_hit_total{limit="handshake_time"}')) > 0,
      );
    else {
      await until("it is received", async () => (await bodyBytes(gateway)) > 0);
      socket.write(rest);
    }
    await until("its memory is released", async () => (await bodyBytes(gateway)) === 0);
    expect(await metricOf(gateway, 'connections{kind="events"}')).toBe(1);
    expect(statusesIn(received())).toEqual([200]);
    socket.end();
    await closed;
    expect(statusesIn(received())).toEqual([200, status]);
    expect(await redis.control.call("EXISTS", "default:broken")).toBe(0);
  });

  test("when it is malformed before the request is handled", async () => {
    await using gateway = await startTestGateway(redis.url);
    const { socket, received, closed } = openRaw(gateway);
    // Four requests run at a time, so the POST waits. It starts before the events end.
    const waits = (stream: string) => rawHead(`GET /data/${stream}?block=600000`);
    socket.write(waits("first") + waits("second") + waits("third") + rawHead("GET /data/quiet/events"));
    socket.write(rawHead("POST /data/broken", CHUNKED) + chunk(8 * KIB) + GARBAGE);
    await until("they wait", async () => (await metricOf(gateway, "readers")) === 4);
    for (const stream of ["first", "second", "third"])
      await request(`${gateway.http}/data/${stream}`, { method: "POST", body: "x" });
    await until("the events are open", () => statusesIn(received()).length === 4);
    expect(await bodyBytes(gateway)).toBe(0);
    socket.end();
    await closed;
    expect(statusesIn(received())).toEqual([200, 200, 200, 200, 400]);
  });
});

describe("the error of a broken body is the response to its request", () => {
  test.each<[number, Record<string, string>, string]>([
    [400, {}, GARBAGE],
    [408, IMPATIENT, SILENCE],
  ])("%i, with the headers of its response", async (status, env, rest) => {
    await using gateway = await startTestGateway(redis.url, env);
    const { socket, received, closed } = openRaw(gateway);
    socket.write(rawHead("POST /data/broken", CHUNKED, `Origin: ${gateway.http}`) + chunk(1) + rest);
    await closed;
    expect(statusesIn(received())).toEqual([status]);
    expect(received()).toMatch(/^connection: close\r$/im);
    expect(received()).toMatch(/^x-connection-id: /im);
  });

  test.each<[string, number, Record<string, string>, string]>([
    ["malformed", 404, {}, GARBAGE],
    ["not complete in time", 404, IMPATIENT, SILENCE],
    ["malformed", 401, { AUTH: "1" }, GARBAGE],
    ["not complete in time", 401, { AUTH: "1", ...IMPATIENT }, SILENCE],
  ])("none if it is %s after a %i", async (_what, status, env, rest) => {
    using keys = createTestKeys();
    await using gateway = await startTestGateway(redis.url, { AUTH_KEYS_FILE: keys.path, ...env });
    const { socket, received, closed } = openRaw(gateway);
    socket.write(rawHead(status === 404 ? "POST /nothing" : "POST /data/broken", CHUNKED) + chunk(1));
    await until("it is answered", () => statusesIn(received()).length > 0);
    expect(received()).not.toMatch(/^connection: close/im);
    socket.write(rest);
    await closed;
    expect(statusesIn(received())).toEqual([status]);
  });
});

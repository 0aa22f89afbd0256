/** Limits of stream names on every transport and format, and shared key scans of stream lists. */

import { encode } from "@msgpack/msgpack";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import { createKeyScan } from "../../../../src/redis/registry/scan.ts";
import { databaseOver } from "../../../../src/redis/resp/commands.ts";
import { ask, dataOf } from "../../../support/clients/graphql.ts";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { readEvents } from "../../../support/clients/sse.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  await redis.control.call("XADD", "default:cam", "*", "d", "x");
  await redis.control.call("XADD", "rover:imu", "*", "d", "x");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const LONG = "n".repeat(1025);
const FITS = "n".repeat(1024);
const tooLong = (name: string) => `${name} must be at most 1024 bytes, got 1025`;

async function errorOf(path: string, options: Parameters<typeof request>[1] = {}): Promise<string> {
  const { status, text } = await request(gateway.http + path, options);
  return status < 400 ? "" : (JSON.parse(text) as { error: string }).error;
}

const post = (type: string, body: string | Uint8Array) => ({
  method: "POST",
  body,
  headers: { "content-type": type },
});

const file = (name: string) =>
  `--b\r\nContent-Disposition: form-data; name="entries"; filename="${name}"\r\n\r\nx\r\n--b--\r\n`;

describe("HTTP", () => {
  test.each([
    ["the path of a GET", `/data/${LONG}?block=0`, {}, "stream_id"],
    ["one of several streams", `/data/a+${LONG}?block=0`, {}, "stream_id"],
    ["a device", `/data/a?block=0&device_id=${LONG}`, {}, "device_id"],
    ["a prefix", `/data/a?block=0&prefix=${LONG}`, {}, "prefix"],
    ["history", `/data/${LONG}/entries`, {}, "stream_id"],
    ["events", `/data/${LONG}/events`, {}, "stream_id"],
    ["pictures", `/data/${LONG}/mjpeg`, {}, "stream_id"],
    ["the path of a POST", `/data/${LONG}`, post("text/plain", "x"), "stream_id"],
    ["the device of a POST", `/data/a?device_id=${LONG}`, post("text/plain", "x"), "device_id"],
    ["a name in JSON", "/data/a", post("application/json", JSON.stringify([[LONG, null, "x"]])), "stream_id"],
    ["a name in msgpack", "/data/a", post("application/msgpack", encode([[LONG, null, "x"]])), "stream_id"],
    ["a filename", "/data/*", post("multipart/form-data; boundary=b", file(LONG)), "stream_id"],
    [
      "a ticket",
      "/tickets",
      post("application/json", JSON.stringify({ route: "pull", stream: LONG })),
      "stream",
    ],
  ])("%s", async (_, path, options, parameter) => {
    expect(await errorOf(path, options)).toBe(tooLong(parameter));
    const fitting = {
      ...options,
      ...("body" in options &&
        typeof options.body === "string" && { body: options.body.replace(LONG, FITS) }),
    };
    if (!/events|mjpeg|msgpack/.test(path) && !(fitting as { body?: unknown }).body)
      expect(await errorOf(path.replace(LONG, FITS), fitting)).toBe("");
  });

  test("stores names within the limit, with a device and a prefix", async () => {
    const path = `/data/${FITS}?device_id=${FITS}&prefix=${FITS}`;
    expect(await errorOf(path, post("text/plain", "x"))).toBe("");
    const { streamIds } = await dataOf(gateway, "{ streamIds }");
    expect(streamIds).toContain(`${FITS}:${FITS}${FITS}`);
  });
});

describe("event ids", () => {
  /** 3/4 of the default of `MAX_HEADER_BYTES`. */
  const LIMIT = 49_152;
  const add = (device: string, i: number) =>
    redis.control.call("XADD", `${device}:${String(i).padStart(2, "0")}${"n".repeat(998)}`, "1-0", "d", "x");
  const eventsOf = (device: string) => `/data/*/events?device_id=${device}&last_entry_id=0`;
  const tooMany = (streams: number, bytes: number) =>
    `stream_id selects ${streams} streams: the cursors of ${streams} of them make an event id of ${bytes} bytes, and at most ${LIMIT} are allowed (3/4 of MAX_HEADER_BYTES); use a narrower pattern, fewer or shorter names, or pull over a WebSocket`;
  /** Size of a name, `=`, a cursor and `+`. */
  const STREAM_BYTES = 1005;

  test("a pattern whose event ids would be longer than a client can send back is rejected", async () => {
    for (let i = 0; i < 49; i++) await add("long", i);
    const { status, text } = await request(gateway.http + eventsOf("long"));
    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({ error: tooMany(49, 49 * STREAM_BYTES + 1), code: "BAD_PARAMETER" });
    const narrower = await openAnswer(`${gateway.http}/data/0*/events?device_id=long&last_entry_id=0`);
    expect(narrower.status).toBe(200);
    await narrower[Symbol.asyncDispose]();
    await using socket = await connectSocket(
      `${gateway.ws}/data/*/pull?device_id=long&format=json&last_entry_id=0`,
    );
    expect(await socket.text()).toContain('"1-0"');
  });

  test("the longest id is accepted as Last-Event-ID, and a stream that makes it longer ends the response", async () => {
    for (let i = 0; i < 48; i++) await add("full", i);
    await using answer = await openAnswer(gateway.http + eventsOf("full"));
    const events = readEvents(answer);
    for (let i = 0; i < 48; i++) expect(await events.next()).toMatchObject({ data: "x" });
    const id = events.lastEventId();
    expect(id.length).toBe(48 * STREAM_BYTES + 1);
    await using resumed = await openAnswer(gateway.http + eventsOf("full"), { "last-event-id": id });
    expect(resumed.status).toBe(200);
    await add("full", 48);
    for (const reader of [events, readEvents(resumed)]) {
      expect(await reader.next()).toMatchObject({ event: "joined" });
      const { event, data = "" } = (await reader.next()) ?? {};
      expect(event).toBe("error");
      expect(JSON.parse(data)).toEqual({ error: tooMany(49, 49 * STREAM_BYTES + 1), code: "BAD_PARAMETER" });
      expect(await reader.next()).toBeUndefined();
    }
  });
});

describe("WebSockets", () => {
  test.each([
    ["a pull", `/data/${LONG}/pull`, undefined],
    ["the device of a push", `/data/a/push?device_id=${LONG}`, undefined],
    ["a header", "/data/a/push", [JSON.stringify([[LONG, 1]]), Buffer.from("x")]],
    ["a JSON batch", "/data/a/push?format=json", [JSON.stringify([[LONG, null, "x"]])]],
    ["a MessagePack batch", "/data/a/push?format=msgpack", [encode([[LONG, null, "x"]])]],
  ])("%s is closed with 1008", async (_, path, messages = []) => {
    await using socket = await connectSocket(gateway.ws + path);
    for (const one of messages) socket.send(one);
    const { code, reason } = await socket.closed;
    expect(code).toBe(1008);
    expect(reason).toContain("must be at most 1024 bytes, got 1025");
  });
});

describe("GraphQL", () => {
  const WHOLE = "n".repeat(3 * 1024 + 2);
  test.each([
    [`mutation { connectDevice(deviceId: "${LONG}") }`],
    [`mutation { updateDeviceMeta(deviceId: "${LONG}", meta: 1) }`],
    [`mutation { updateStreamMeta(deviceId: "d", streamId: "${WHOLE}", meta: 1) }`],
    [`mutation { updateStreamMeta(deviceId: "${LONG}", streamId: "s", meta: 1) }`],
    [`mutation { append(streamId: "${WHOLE}", entries: [{ string: "x" }]) { id } }`],
    [`{ device(id: "${LONG}") { id } }`],
    [`{ devices(ids: ["${WHOLE}"]) { id } }`],
    [`{ device { streams(deviceId: "${LONG}") { id } } }`],
    [`{ streams(ids: ["${WHOLE}"]) { id } }`],
    [`{ stream(id: "${WHOLE}") { id } }`],
    [`{ streams(match: "${"m".repeat(257)}") { id } }`],
    [`{ streamIds(match: "${"*a".repeat(9)}") }`],
  ])("%.40s", async (query) => {
    const { errors } = await ask(gateway, query);
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(["BAD_PARAMETER"]);
    expect(errors?.[0]?.message).toMatch(/must (be|have) at most/);
  });
});

describe("listing streams", () => {
  const scans = async () => {
    const stats = String(await redis.control.call("INFO", "commandstats"));
    return Number(/cmdstat_scan:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };

  test("concurrent lookups share one scan of the keys", async () => {
    const scan = createKeyScan(databaseOver(redis.control), 4096, createTurns().slices);
    const before = await scans();
    const found = await Promise.all(Array.from({ length: 50 }, scan.streams));
    for (const keys of found) expect(keys).toEqual(found[0]);
    expect((await scans()) - before).toBe(1);
  });

  test("a lookup sees a stream that was written before it, even if a scan is in progress", async () => {
    for (let i = 0; i < 50; i++) {
      const walking = ask(gateway, "{ streamIds }");
      await redis.control.call("XADD", `walk:${i}`, "*", "d", "x");
      const { streamIds } = await dataOf(gateway, '{ streamIds(match: "walk:*") }');
      expect(streamIds).toContain(`walk:${i}`);
      await walking;
    }
  });

  test("omits keys that no request can name, and passes no client pattern to Redis", async () => {
    await redis.control.call("XADD", `foreign:${"k".repeat(100_000)}`, "*", "d", "x");
    const match = `*${"[a-z]".repeat(4)}*${"k".repeat(200)}x`;
    const { streams } = await dataOf(gateway, "query ($match: String) { streams(match: $match) { id } }", {
      match,
    });
    expect(streams).toEqual([]);
    const { streamIds } = await dataOf(gateway, '{ streamIds(match: "foreign:*") }');
    expect(streamIds).toEqual([]);
  });
});

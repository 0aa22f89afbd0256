/** `GET /data/{stream_id}/events`: streams as server-sent events. */
import { beforeAll, describe, expect, test } from "vitest";
import { openAnswer, request } from "../../../../support/clients/http.ts";
import { type EventReader, readEvents } from "../../../../support/clients/sse.ts";
import { startTestGateway } from "../../../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../../../support/gateway/own-gateway.ts";
import { until } from "../../../../support/until.ts";

const { redis, gateway } = await openOwnGateway({ HEARTBEAT_MS: "100" });

const add = (key: string, id: string, data: string | Uint8Array) =>
  redis.control.call("XADD", `default:${key}`, id, "d", data);
const open = (path: string, headers: Record<string, string> = {}, { http } = gateway) =>
  openAnswer(`${http}/data/${path}`, headers);
const dataOf = async (events: EventReader) => (await events.next())?.data;

test("is an event stream that proxies do not cache or buffer", async () => {
  await using answer = await open("headers/events");
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.headers["x-accel-buffering"]).toBe("no");
});

test("an event has the id of its entry and the default event name of onmessage", async () => {
  await add("a", "5-0", "one");
  await add("a", "5-1", "two");
  await using answer = await open("a/events?last_entry_id=0");
  const events = readEvents(answer);
  expect(await events.next()).toEqual({ event: "message", data: "one", id: "5-0" });
  expect(await events.next()).toEqual({ event: "message", data: "two", id: "5-1" });
  await add("a", "6-0", "live");
  expect(await events.next()).toEqual({ event: "message", data: "live", id: "6-0" });
});

test("sends the cursor of now and the retry time before the first entry", async () => {
  await add("early", "7-3", "old");
  await using answer = await open("early/events");
  const events = readEvents(answer);
  expect(await events.comment()).toBe(" still here");
  expect(events.lastEventId()).toBe("7-3");
  expect(events.retry()).toBeGreaterThan(0);
});

describe("Last-Event-ID", () => {
  test("resumes after the header and takes precedence over last_entry_id in the URL", async () => {
    for (let i = 1; i <= 4; i++) await add("resumed", `${i}-0`, `e${i}`);
    await using answer = await open("resumed/events?last_entry_id=0", { "last-event-id": "2-0" });
    const events = readEvents(answer);
    expect([await dataOf(events), await dataOf(events)]).toEqual(["e3", "e4"]);
  });

  test("contains a cursor per stream, so that a client that reconnects receives every entry once", async () => {
    const total = 60;
    for (let i = 1; i <= total; i++) await add(i % 3 === 0 ? "several/2" : "several/1", `${i}-0`, `${i}`);
    const seen: string[] = [];
    let lastEventId = "";
    while (seen.length < total) {
      await using answer = await open(
        "several%2F1+several%2F2/events?last_entry_id=0",
        lastEventId === "" ? {} : { "last-event-id": lastEventId },
      );
      const events = readEvents(answer);
      for (let i = 0; i < 7 && seen.length < total; i++) {
        const event = await events.next();
        expect(event?.event).toBe(Number(event?.data) % 3 === 0 ? "several/2" : "several/1");
        seen.push(String(event?.data));
      }
      lastEventId = events.lastEventId();
      expect(lastEventId).toMatch(/^\d+-\d+\+\d+-\d+$/);
    }
    expect(seen.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  });

  test("rejects an invalid cursor with 400", async () => {
    const answer = await request(`${gateway.http}/data/a/events`, { headers: { "last-event-id": "x" } });
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringContaining("entry id"), code: "BAD_PARAMETER" });
  });
});

describe("the parameter lastEventId", () => {
  beforeAll(async () => {
    for (let i = 1; i <= 4; i++) await add("polyfilled", `${i}-0`, `e${i}`);
  });

  test.each<[string, string, Record<string, string>, string]>([
    ["takes precedence over last_entry_id", "last_entry_id=0&lastEventId=2-0", {}, "e3"],
    ["does not where it is empty", "last_entry_id=0&lastEventId=", {}, "e1"],
    ["does not take precedence over the header", "lastEventId=1-0", { "last-event-id": "3-0" }, "e4"],
    ["counts where the header is empty", "lastEventId=1-0", { "last-event-id": "" }, "e2"],
  ])("%s", async (_, query, headers, first) => {
    await using answer = await open(`polyfilled/events?${query}`, headers);
    expect(await dataOf(readEvents(answer))).toBe(first);
  });

  test("rejects an invalid cursor with 400", async () => {
    expect((await request(`${gateway.http}/data/polyfilled/events?lastEventId=x`)).status).toBe(400);
  });
});

test("a stream name cannot imitate a reserved event of the gateway or of EventSource", async () => {
  const streams = [
    "ordinary",
    "error",
    "open",
    "gap",
    "joined",
    "left",
    "state",
    "message",
    "stream:error",
    "stream:x",
  ];
  for (const stream of streams) await add(stream, "1-0", stream);
  const segment = streams.map((stream) => encodeURIComponent(stream)).join("+");
  await using answer = await open(`${segment}/events?last_entry_id=0`);
  const events = readEvents(answer);
  const names = new Map<string, string>();
  while (names.size < streams.length) {
    const event = await events.next();
    names.set(String(event?.data), String(event?.event));
  }
  expect(Object.fromEntries(names)).toEqual({
    ordinary: "ordinary",
    message: "message",
    error: "stream:error",
    open: "stream:open",
    gap: "stream:gap",
    joined: "stream:joined",
    left: "stream:left",
    state: "stream:state",
    "stream:error": "stream:stream:error",
    "stream:x": "stream:stream:x",
  });
});

describe("the data", () => {
  const payloads: [name: string, text: string][] = [
    ["lines of every kind", "one\ntwo\r\nthree\rfour"],
    ["line breaks at both ends", "\n\nin between\n\n"],
    ["a line break alone", "\n"],
    ["what looks like fields", "data: x\nid: 9-9\nevent: error\n: no comment\nretry: 1"],
    ["spaces and colons at the start", "  :: x"],
    ["other separators", "a\u2028b\u0085c\u000bd"],
    ["UTF-8", "Küche 日本 😀"],
    ["nothing", ""],
    ["a byte order mark", "\ufeffx"],
  ];

  test.each(payloads)("as text: %s", async (name, text) => {
    await add(`text ${name}`, "1-0", text);
    await using answer = await open(`${encodeURIComponent(`text ${name}`)}/events?last_entry_id=0`);
    // Any line break arrives as a line feed, because the format joins the lines of an event with one.
    expect(await readEvents(answer).next()).toEqual({
      event: "message",
      data: text.replace(/\r\n|\r/g, "\n"),
      id: "1-0",
    });
  });

  test.each(payloads)("as JSON, exactly: %s", async (name, text) => {
    const stream = `json ${name}`;
    await add(stream, "1-0", text);
    await using answer = await open(`${encodeURIComponent(stream)}/events?last_entry_id=0&format=json`);
    expect(JSON.parse(String(await dataOf(readEvents(answer))))).toEqual([stream, "1-0", text]);
  });

  test("as base64, every byte", async () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 255));
    await add("bytes", "1-0", bytes);
    await using answer = await open("bytes/events?last_entry_id=0&format=base64");
    expect(Buffer.from(String(await dataOf(readEvents(answer))), "base64")).toEqual(bytes);
  });

  test("as JSON, for bytes that are not text", async () => {
    await add("no text", "1-0", Uint8Array.of(255, 0));
    await using answer = await open("no%20text/events?last_entry_id=0&format=json");
    expect(JSON.parse(String(await dataOf(readEvents(answer))))).toEqual([
      "no text",
      "1-0",
      { base64: "/wA=" },
    ]);
  });

  test("as text, with replacement characters for bytes that are not text", async () => {
    await add("marked", "1-0", Uint8Array.of(97, 255, 98));
    await using answer = await open("marked/events?last_entry_id=0");
    expect(await dataOf(readEvents(answer))).toBe("a\ufffdb");
  });

  test("a stream name with a line break cannot forge a field", async () => {
    await add("forged\ndata: x", "1-0", "y");
    await using answer = await open(`plain+${encodeURIComponent("forged\ndata: x")}/events?last_entry_id=0`);
    expect((await readEvents(answer).next())?.data).toBe("y");
  });
});

test("latest sends only the newest entry, then new ones", async () => {
  await add("latest", "1-0", "old");
  await add("latest", "2-0", "new");
  await using answer = await open("latest/events?last_entry_id=0&latest=1");
  const events = readEvents(answer);
  expect(await events.next()).toEqual({ event: "message", data: "new", id: "2-0" });
  await add("latest", "3-0", "live");
  expect(await dataOf(events)).toBe("live");
});

test("sends heartbeats repeatedly on a quiet connection", async () => {
  await using answer = await open("quiet/events");
  const events = readEvents(answer);
  for (let i = 0; i < 3; i++) expect(await events.comment()).toBe(" still here");
});

test("delivers many small entries once and in order while others are appended", async () => {
  const total = 3000;
  const write = async (from: number, to: number) => {
    await Promise.all(
      Array.from({ length: to - from }, (_, i) => add("many", `${from + i + 1}-0`, `${from + i}`)),
    );
  };
  await write(0, total / 2);
  await using answer = await open("many/events?last_entry_id=0");
  const events = readEvents(answer);
  const writing = write(total / 2, total);
  for (let i = 0; i < total; i++) expect(await dataOf(events)).toBe(String(i));
  await writing;
});

test("releases the session of a client that disconnects", async () => {
  const answer = await open("leaving/events");
  await readEvents(answer).comment();
  answer.leave();
  await until("no reader is left", async () =>
    (await request(`${gateway.http}/metrics`)).text.includes("redis_streamer_readers 0\n"),
  );
});

test("delivers pending entries and ends when the gateway stops", async () => {
  await using stopping = await startTestGateway(redis.url);
  await add("stop", "1-0", "x");
  await using answer = await open("stop/events?last_entry_id=0", {}, stopping);
  const events = readEvents(answer);
  expect(await dataOf(events)).toBe("x");
  const closed = stopping.close();
  expect(await events.next()).toBeUndefined();
  await closed;
});

test("reports a key of another type in an error event, because the status was already sent", async () => {
  await redis.control.call("SET", "default:string", "x");
  await using answer = await open("string/events?last_entry_id=0");
  const event = await readEvents(answer).next();
  expect(event?.event).toBe("error");
  expect(JSON.parse(String(event?.data))).toEqual({ error: expect.any(String), code: "WRONG_TYPE" });
});

test.each([
  ["a/events?format=msgpack", "format"],
  ["a/events?latest=2", "latest"],
  ["a/events?last_entry_id=x", "last_entry_id"],
  ["a+b/events?last_entry_id=1%2B2%2B3", "last_entry_id"],
])("%s is a 400 that names it", async (path, name) => {
  const answer = await request(`${gateway.http}/data/${path}`);
  expect(answer.status).toBe(400);
  expect(answer.json()).toEqual({ error: expect.stringContaining(name), code: "BAD_PARAMETER" });
});

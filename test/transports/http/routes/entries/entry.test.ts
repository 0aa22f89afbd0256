/** `GET /data/{stream_id}/entries/{entry_id}`: one payload as it is. */
import { encode } from "@msgpack/msgpack";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRaw, rawExchange, request } from "../../../../support/clients/http.ts";
import { startTestGateway } from "../../../../support/gateway/gateway.ts";
import { createTestKeys } from "../../../../support/gateway/keys.ts";
import { openOwnGateway } from "../../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

const add = (key: string, id: string, data: string | Uint8Array, ...fields: (string | Uint8Array)[]) =>
  redis.control.call("XADD", key, id, "d", data, ...fields);
const declare = (key: string, meta: unknown) =>
  redis.control.call("SET", `:stream:meta:${key}`, typeof meta === "string" ? meta : JSON.stringify(meta));
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  request(`${gateway.http}/data/${path}`, { method, headers });

const JPEG = Buffer.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4);

describe("selects an entry", () => {
  beforeAll(async () => {
    for (const [id, data] of [
      ["1000-0", "a"],
      ["1000-5", "b"],
      ["2000-0", "c"],
      ["3000-0", "d"],
    ] as const)
      await add("default:log", id, data);
  });

  test.each([
    ["first", "1000-0", "a"],
    ["last", "3000-0", "d"],
    ["1000-5", "1000-5", "b"],
    ["2000", "2000-0", "c"],
    ["last?at=1000-0", "1000-0", "a"],
    ["last?at=1000", "1000-5", "b"],
    ["last?at=1999", "1000-5", "b"],
    ["last?at=2000-0", "2000-0", "c"],
    ["last?at=1970-01-01T00:00:02.500Z", "2000-0", "c"],
    ["last?at=1970-01-01T01:00:02+01:00", "2000-0", "c"],
    ["last?at=2100-01-01", "3000-0", "d"],
    ["last?at=", "3000-0", "d"],
  ])("%s", async (path, id, text) => {
    const answer = await get(`log/entries/${path}`);
    expect([answer.status, answer.headers["x-entry-id"], answer.text]).toEqual([200, id, text]);
  });

  test.each([
    ["log/entries/1-1", 'stream "log" has no entry 1-1'],
    ["log/entries/last?at=999", 'stream "log" has no entry at or before 999'],
    ["none/entries/last", 'stream "none" has no entries'],
    ["none/entries/first", 'stream "none" has no entries'],
  ])("%s does not exist", async (path, error) => {
    const { status, json } = await get(path);
    expect([status, json()]).toEqual([404, { error, code: "NOT_FOUND" }]);
  });

  test.each([
    ["log/entries/newest", 'entry_id must be an entry id, first or last, got "newest"'],
    ["log/entries/%24", 'entry_id must be an entry id, first or last, got "$"'],
    ["log/entries/-", 'entry_id must be an entry id, first or last, got "-"'],
    ["log/entries/1-1-1", 'entry_id must be an entry id, first or last, got "1-1-1"'],
    ["log/entries/..%2f..", 'entry_id must be an entry id, first or last, got "../.."'],
    ["log/entries/99999999999999999999-0", "entry_id must be an entry id, first or last"],
    [
      "log/entries/last?at=yesterday",
      'at must be an entry id, milliseconds or an ISO 8601 time, got "yesterday"',
    ],
    ["log/entries/last?at=-", 'at must be an entry id, milliseconds or an ISO 8601 time, got "-"'],
    ["log/entries/last?at=(5", 'at must be an entry id, milliseconds or an ISO 8601 time, got "(5"'],
    ["log/entries/last?at=2026-13-45", "at must be an entry id, milliseconds or an ISO 8601 time"],
    ["log/entries/first?at=5", 'at requires the entry id last, got "first"'],
    ["log/entries/1000-0?at=5", 'at requires the entry id last, got "1000-0"'],
    ["log+other/entries/last", "stream_id must name one stream, got 2"],
    [`log/entries/${"9".repeat(10_000)}`, "entry_id must be an entry id"],
  ])("%s is not valid", async (path, error) => {
    const { status, json } = await get(path);
    const body = json() as { error: string; code: string };
    expect([status, body.code]).toEqual([400, "BAD_PARAMETER"]);
    expect(body.error.startsWith(error)).toBe(true);
    expect(body.error.length).toBeLessThan(200);
  });

  test("warns of a time in seconds", async () => {
    await add("default:clock", `${Date.now()}-0`, "x");
    const { status, headers } = await get("clock/entries/last?at=1732791745");
    expect(status).toBe(404);
    expect(headers["x-warnings"]).toContain("times are in milliseconds");
  });

  test("returns an entry whose stream was deleted and created again", async () => {
    await add("default:again", "5-0", "old");
    const { headers } = await get("again/entries/5-0");
    await redis.control.call("DEL", "default:again");
    expect((await get("again/entries/5-0")).status).toBe(404);
    await add("default:again", "5-0", "newer");
    const answer = await get("again/entries/5-0", { "if-none-match": String(headers.etag) });
    expect([answer.status, answer.text]).toEqual([200, "newer"]);
  });

  test("names streams as the other routes do", async () => {
    await add("rover:log", "1-0", "of rover");
    await add("orders", "1-0", "no device");
    await add("default:a/b+c", "1-0", "odd name");
    expect((await get("log/entries/last?device_id=rover")).text).toBe("of rover");
    expect((await get("orders/entries/last?device_id=")).text).toBe("no device");
    expect((await get("g/entries/last?device_id=&prefix=default%3Alo")).text).toBe("d");
    expect((await get("a%2Fb%2Bc/entries/last")).text).toBe("odd name");
  });

  test("a stream that holds something else is an error", async () => {
    await redis.control.call("SET", "default:number", "5");
    expect((await get("number/entries/last")).status).toBe(409);
  });
});

describe("content type", () => {
  test.each([
    ["a JPEG", JPEG, "image/jpeg"],
    ["JSON", '{"t": 1}', "application/json"],
    ["text", "hello", "text/plain; charset=utf-8"],
    ["HTML", "<script>1</script>", "text/plain; charset=utf-8"],
    ["MessagePack", encode({ a: 1 }), "application/msgpack"],
    ["other bytes", Buffer.of(1, 2, 3, 0xff), "application/octet-stream"],
    ["nothing", "", "application/octet-stream"],
  ])("of %s is detected", async (what, data, type) => {
    await add(`default:guess ${what}`, "*", data);
    const { headers, body } = await get(`guess%20${encodeURIComponent(what)}/entries/last`);
    expect(headers["content-type"]).toBe(type);
    expect(body).toEqual(Buffer.from(data as string));
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-disposition"]).toBeUndefined();
  });

  test("is that of the entry, else that of the stream, else detected", async () => {
    await declare("default:typed", { contentType: "audio/L16;rate=16000;channels=1" });
    await add("default:typed", "1-0", JPEG);
    await add("default:typed", "2-0", JPEG, "content-type", "image/jpeg");
    await add("default:typed", "3-0", JPEG, "content-type", "image/png", "content-type", "image/webp");
    await add("default:typed", "4-0", JPEG, "content-type", "image/png\r\nx-evil: 1");
    await add("default:typed", "5-0", JPEG, "content-type", Buffer.of(0xff, 0xfe));
    await add("default:typed", "6-0", JPEG, "content-type", "x".repeat(10_000));
    const typeOf = async (id: string) => (await get(`typed/entries/${id}-0`)).headers["content-type"];
    const types = await Promise.all([1, 2, 3, 4, 5, 6].map((id) => typeOf(String(id))));
    const declared = "audio/L16;rate=16000;channels=1";
    expect(types).toEqual([declared, "image/jpeg", "image/webp", declared, declared, declared]);
  });

  test.each(["no JSON", "[1]", '{"contentType": 5}', '{"contentType": "image/png\\r\\nx-evil: 1"}', "5"])(
    "ignores the metadata %s",
    async (meta) => {
      await declare("default:odd", meta);
      await add("default:odd", "*", JPEG);
      const { status, headers } = await get("odd/entries/last");
      expect([status, headers["content-type"], headers["x-evil"]]).toEqual([200, "image/jpeg", undefined]);
    },
  );

  test.each([
    "text/html",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/xml",
    "text/javascript; charset=utf-8",
    "application/hta",
    "text/css",
    "application/manifest+json",
  ])("%s is a download of unknown type", async (contentType) => {
    await declare("default:page", { contentType });
    await add("default:page", "1-0", "<script>document.title = 1</script>");
    const { headers, text } = await get("page/entries/1-0");
    expect(headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
    });
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none';.* sandbox$/);
    expect(text).toContain("<script>");
    await redis.control.call("DEL", "default:page");
    await add("default:page", "1-0", "<svg/>", "content-type", contentType);
    expect((await get("page/entries/first")).headers["content-type"]).toBe("application/octet-stream");
    await redis.control.call("DEL", "default:page");
  });
});

describe("a type that is not known to be harmless", () => {
  test.each(["application/pdf", "text/calendar", "application/x-protobuf", "font/woff2", "*/*"])(
    "%s is a download of its type",
    async (contentType) => {
      await add("default:file", "1-0", "x", "content-type", contentType);
      const { headers } = await get("file/entries/1-0");
      expect([headers["content-type"], headers["content-disposition"]]).toEqual([contentType, "attachment"]);
      await redis.control.call("DEL", "default:file");
    },
  );
});

describe("as HTTP", () => {
  const PAYLOAD = "0123456789";
  beforeAll(() => add("default:bytes", "5-0", PAYLOAD));

  test("a concrete entry is immutable; the first and the last are revalidated", async () => {
    const cached = async (id: string) => (await get(`bytes/entries/${id}`)).headers["cache-control"];
    expect(await cached("5-0")).toBe("private, max-age=31536000, immutable");
    expect(await cached("first")).toBe("private, no-cache");
    expect(await cached("last")).toBe("private, no-cache");
  });

  test("a known entry is 304", async () => {
    const { headers } = await get("bytes/entries/last");
    const etag = String(headers.etag);
    expect(etag).toMatch(/^"[^"]+"$/);
    const known = await get("bytes/entries/last", { "if-none-match": etag });
    expect([known.status, known.text, known.headers.etag]).toEqual([304, "", etag]);
    expect(known.headers["x-entry-id"]).toBe("5-0");
    expect((await get("bytes/entries/last", { "if-none-match": '"other"' })).status).toBe(200);
  });

  test.each([
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-2", "89", "bytes 8-9/10"],
    ["bytes=0-99", PAYLOAD, "bytes 0-9/10"],
  ])("sends the range %s", async (range, text, described) => {
    const answer = await get("bytes/entries/5-0", { range });
    expect([answer.status, answer.text]).toEqual([206, text]);
    expect(answer.headers).toMatchObject({ "content-range": described, "content-length": `${text.length}` });
  });

  test.each([
    "bytes=10-",
    "bytes=-0",
    "bytes=500-600",
    "bytes=99999999999999999999-",
    `bytes=${"9".repeat(500)}-`,
  ])("rejects the range %s", async (range) => {
    const { status, headers, json } = await get("bytes/entries/5-0", { range });
    expect([status, (json() as { code: string }).code]).toEqual([416, "RANGE_NOT_SATISFIABLE"]);
    expect(headers["content-range"]).toBe("bytes */10");
    expect(headers["cache-control"]).toBeUndefined();
  });

  test.each(["bytes=4-2", "bytes=0-1,3-4", "chunks=0-1", "nonsense"])(
    "ignores the range %s",
    async (range) => {
      const { status, text, headers } = await get("bytes/entries/5-0", { range });
      expect([status, text, headers["accept-ranges"]]).toEqual([200, PAYLOAD, "bytes"]);
    },
  );

  test("a range applies only to the entry that If-Range names", async () => {
    const etag = String((await get("bytes/entries/5-0")).headers.etag);
    const statusOf = async (one: string) =>
      (await get("bytes/entries/5-0", { range: "bytes=0-1", "if-range": one })).status;
    expect([await statusOf(etag), await statusOf('"other"')]).toEqual([206, 200]);
  });

  test("HEAD has the headers alone", async () => {
    const whole = await get("bytes/entries/5-0");
    const head = await get("bytes/entries/5-0", {}, "HEAD");
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["content-type", "content-length", "etag", "x-entry-id", "cache-control"])
      expect(head.headers[name]).toBe(whole.headers[name]);
    expect((await get("bytes/entries/6-0", {}, "HEAD")).status).toBe(404);
    for (const range of ["bytes=2-4", "bytes=10-"]) {
      const ranged = await get("bytes/entries/5-0", { range }, "HEAD");
      expect([ranged.status, ranged.headers["content-length"]]).toEqual([200, "10"]);
    }
  });

  test("other methods are not allowed", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const { status, headers } = await get("bytes/entries/5-0", {}, method);
      expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
    }
  });

  test("an empty payload has no body and no range", async () => {
    await redis.control.call("XADD", "default:fields", "1-0", "qty", "3");
    const { status, body, headers } = await get("fields/entries/1-0");
    expect([status, body.length, headers["content-length"]]).toEqual([200, 0, "0"]);
    expect((await get("fields/entries/1-0", { range: "bytes=0-" })).status).toBe(416);
    expect((await get("fields/entries/1-0", { range: "bytes=-5" })).status).toBe(200);
  });

  test("a header of a payload's type never ends a line", async () => {
    await add("default:crlf", "1-0", "x", "content-type", "text/plain\r\nset-cookie: a=b");
    const { port } = new URL(gateway.http);
    const raw = await rawExchange(
      Number(port),
      `GET /data/crlf/entries/1-0 HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`,
    );
    expect(parseRaw(raw).headers["set-cookie"]).toBeUndefined();
    expect(parseRaw(raw).status).toBe(200);
  });

  test("counts the payloads that it sends", async () => {
    await using fresh = await startTestGateway(redis.url);
    for (const method of ["GET", "HEAD"]) await request(`${fresh.http}/data/bytes/entries/5-0`, { method });
    const { text } = await request(`${fresh.http}/metrics`);
    expect(text).toMatch(/entries_out_total\{[^}]*\} 1\n/);
  });
});

test("a key reads only the entries of its streams, and a ticket opens only this route", async () => {
  using keys = createTestKeys();
  const secret = keys.add("reader", ["read:default:cam"]);
  await using guarded = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  const headers = { authorization: `Bearer ${secret}` };
  await add("default:cam", "1-0", JPEG);
  await add("rover:cam", "1-0", JPEG);
  const statusOf = async (path: string) =>
    (await request(`${guarded.http}/data/${path}`, { headers })).status;
  expect(await statusOf("cam/entries/1-0")).toBe(200);
  expect(await statusOf("cam/entries/9-9")).toBe(404);
  // A forbidden stream does not reveal whether an entry, or the stream, exists.
  expect(await statusOf("cam/entries/1-0?device_id=rover")).toBe(403);
  expect(await statusOf("cam/entries/9-9?device_id=rover")).toBe(403);
  expect(await statusOf("none/entries/last")).toBe(403);
  expect((await request(`${guarded.http}/data/cam/entries/1-0`)).status).toBe(401);

  const ticket = async () => {
    const { json } = await request(`${guarded.http}/tickets`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ route: "entry", stream: "cam" }),
    });
    return (json() as { ticket: string }).ticket;
  };
  const open = async (path: string) =>
    (await request(`${guarded.http}/data/${path}?ticket=${await ticket()}`)).status;
  expect(await open("cam/entries/last")).toBe(200);
  expect(await open("cam/entries")).toBe(403);
  expect(await open("cam")).toBe(403);
});

/** `POST /data/{stream_id}` (docs/protocol.md, "POST entries"). */
import { encode } from "@msgpack/msgpack";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { request } from "../../../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { MAX_MESSAGE_BYTES: "100k", MAX_BATCH_ENTRIES: "20" });
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const ID = expect.stringMatching(/^\d+-\d+$/);
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);
const BOUNDARY = "--- a 'boundary' ---";
const MULTIPART = { "content-type": `multipart/form-data; boundary="${BOUNDARY}"` };

const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  request(`${gateway.http}/data/${path}`, { method: "POST", body, headers });

interface Part {
  readonly name?: string;
  readonly filename?: string;
  readonly type?: string;
  readonly data: string | Uint8Array;
}

/** Builds a multipart body byte by byte (RFC 7578). */
function multipart(...parts: readonly Part[]): Buffer {
  const chunks = parts.flatMap(({ name = "entries", filename, type, data }) => [
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"` +
        (filename === undefined ? "" : `; filename="${filename}"`) +
        (type === undefined ? "" : `\r\nContent-Type: ${type}`) +
        "\r\n\r\n",
    ),
    Buffer.from(data as string),
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

/** Returns the entries of a stream, as `[id, field, value, …]`. */
async function stored(key: string): Promise<[string, ...Buffer[]][]> {
  const entries = (await redis.control.call("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][];
  return entries.map(([id, fields]) => [id.toString(), ...fields]);
}
const payloads = async (key: string) => (await stored(key)).map(([, , data]) => data);
const keys = async () => ((await redis.control.call("KEYS", "*")) as Buffer[]).map(String).sort();

describe("multipart/form-data", () => {
  test("stores each part named entries, with or without a filename, and returns the ids in order", async () => {
    const answer = await post("m", multipart({ filename: "m", data: "one" }, { data: "two" }), MULTIPART);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.json()).toEqual((await stored("default:m")).map(([id]) => id));
    expect(await payloads("default:m")).toEqual([Buffer.from("one"), Buffer.from("two")]);
  });

  test("is binary safe for any part type, even with bytes similar to the boundary", async () => {
    const tricky = Buffer.concat([EVERY_BYTE, Buffer.from(`\r\n--${BOUNDARY.slice(0, -1)}\r\n--\r\n\r\n`)]);
    await post(
      "binary",
      multipart({ data: tricky }, { type: "text/plain", data: EVERY_BYTE }, { filename: "", data: tricky }),
      MULTIPART,
    );
    expect(await payloads("default:binary")).toEqual([tricky, Buffer.from(EVERY_BYTE), tricky]);
  });

  test("stores a part that is most of its body, with parts of the boundary at any position", async () => {
    const near = Buffer.from(`\r\n--${BOUNDARY.slice(0, -1)}`);
    // The parser receives pieces of 16 KB: the growing distances put texts similar to the boundary across their ends.
    const filler = Buffer.concat(
      Array.from({ length: 60 }, (_, i) => Buffer.concat([Buffer.alloc(i, "a"), near])),
    );
    const large = Buffer.concat(Array.from({ length: 20 }, () => filler));
    for (const data of [large, Buffer.concat([near, large, near]), large.subarray(0, 40_000)]) {
      const body = multipart({ data: "before" }, { data }, { data: "after" });
      expect((await post("large", body, MULTIPART)).status).toBe(200);
      const [before, stored, after] = (await payloads("default:large")).slice(-3);
      expect([String(before), stored?.equals(data), String(after)]).toEqual(["before", true, "after"]);
    }
  });

  test("an empty part is an empty entry", async () => {
    await post("empty", multipart({ data: "" }, { filename: "x", data: "" }), MULTIPART);
    expect(await payloads("default:empty")).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
  });

  test("with * a part's filename is its stream, with device and prefix before it", async () => {
    const long = "s".repeat(300);
    const names = ["cam", "room/left", "Küche 日本", long];
    const body = multipart(...names.map((filename) => ({ filename, data: filename })));
    const answer = await post("*?device_id=dev&prefix=p:", body, MULTIPART);
    expect(answer.json()).toEqual([ID, ID, ID, ID]);
    expect(await keys()).toEqual(names.map((name) => `dev:p:${name}`).sort());
    for (const name of names) expect(await payloads(`dev:p:${name}`)).toEqual([Buffer.from(name)]);
  });

  test("accepts FormData of browsers and Node", async () => {
    const form = new FormData();
    form.append("entries", new Blob([EVERY_BYTE]), "whatever.jpg");
    form.append("entries", "text");
    const answer = await fetch(`${gateway.http}/data/form`, { method: "POST", body: form });
    expect(await answer.json()).toEqual([ID, ID]);
    expect(await payloads("default:form")).toEqual([Buffer.from(EVERY_BYTE), Buffer.from("text")]);
  });

  test.each([
    ["a part of another name", multipart({ data: "x" }, { name: "entry", data: "x" }), "entry"],
    ["no part", Buffer.from(`--${BOUNDARY}--\r\n`), "no part"],
    ["an empty body", Buffer.alloc(0), "multipart"],
    ["a body that ends within a part", multipart({ data: "abc" }).subarray(0, -30), "multipart"],
    ["a body that ends within the last boundary", multipart({ data: "abc" }).subarray(0, -6), "multipart"],
    ["a body that ends within a part's header", multipart({ data: "abc" }).subarray(0, 40), "multipart"],
    ["a body without the boundary", Buffer.from("abc"), "multipart"],
  ])("%s is rejected, and nothing of it is stored", async (_, body, named) => {
    const answer = await post("bad", body, MULTIPART);
    expect(answer.json()).toEqual({ error: expect.stringContaining(named), code: "BAD_BODY" });
    expect(answer.status).toBe(400);
    expect(await keys()).toEqual([]);
  });

  test("rejects a body without a boundary", async () => {
    const answer = await post("bad", multipart({ data: "x" }), { "content-type": "multipart/form-data" });
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringMatching(/boundary/i), code: "BAD_BODY" });
  });

  test("rejects a part without a filename with *", async () => {
    const answer = await post("*", multipart({ filename: "a", data: "x" }, { data: "x" }), MULTIPART);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringContaining("part 1"), code: "BAD_BODY" });
    expect(await keys()).toEqual([]);
  });

  test("accepts as many parts as a batch may have entries, and no more", async () => {
    const parts = (count: number) => multipart(...Array.from({ length: count }, () => ({ data: "x" })));
    expect((await post("many", parts(20), MULTIPART)).json()).toHaveLength(20);
    const answer = await post("more", parts(21), MULTIPART);
    expect(answer.status).toBe(413);
    expect(answer.json()).toEqual({ error: expect.stringContaining("20"), code: "TOO_LARGE" });
    expect(await keys()).toEqual(["default:many"]);
  });
});

describe("any other body is one entry", () => {
  test.each([
    ["application/octet-stream"],
    ["image/jpeg"],
    ["text/plain; charset=utf-16"],
    ["application/x-www-form-urlencoded"],
    ["x-sensor/unheard.of+thing"],
    [""],
  ])("of type %j", async (type) => {
    const answer = await post("body", EVERY_BYTE, type === "" ? {} : { "content-type": type });
    expect(answer.json()).toEqual([ID]);
    expect(await payloads("default:body")).toEqual([Buffer.from(EVERY_BYTE)]);
  });

  test("a chunked body", async () => {
    const answer = await post("chunked", EVERY_BYTE, { "transfer-encoding": "chunked" });
    expect(answer.json()).toEqual([ID]);
    expect(await payloads("default:chunked")).toEqual([Buffer.from(EVERY_BYTE)]);
  });

  test("an empty body is an empty entry", async () => {
    expect((await post("nothing", "")).json()).toEqual([ID]);
    expect(await payloads("default:nothing")).toEqual([Buffer.alloc(0)]);
  });

  test("a JSON object or a MessagePack map, unchanged", async () => {
    const text = '  {"b": 1, "a": {"base64": "eA=="}, "b": 2}\n';
    const packed = encode({ t: 21.5 });
    expect((await post("object", text, { "content-type": "application/json" })).json()).toEqual([ID]);
    expect((await post("object?format=json", "{}")).json()).toEqual([ID]);
    expect((await post("object", packed, { "content-type": "application/msgpack" })).json()).toEqual([ID]);
    expect(await payloads("default:object")).toEqual([
      Buffer.from(text),
      Buffer.from("{}"),
      Buffer.from(packed),
    ]);
    const anywhere = await post("*", "{}", { "content-type": "application/json" });
    expect(anywhere.json()).toEqual({ error: expect.stringContaining("stream_id"), code: "BAD_PARAMETER" });
  });

  test("a body whose content type only starts like that of a batch", async () => {
    for (const type of ["application/jsonl", "application/json-seq", "multipart/form-database"])
      await post("lines", '{"a":1}\n{"a":2}', { "content-type": type });
    expect(await payloads("default:lines")).toEqual(Array(3).fill(Buffer.from('{"a":1}\n{"a":2}')));
  });

  test("also JSON, with format=raw", async () => {
    await post("raw?format=raw", '{"x": 1}', { "content-type": "application/json" });
    expect(await payloads("default:raw")).toEqual([Buffer.from('{"x": 1}')]);
  });

  test("rejects * and several streams", async () => {
    for (const path of ["*", "a+b"]) {
      const answer = await post(path, "x");
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({ error: expect.stringContaining("stream_id"), code: "BAD_PARAMETER" });
    }
    expect(await keys()).toEqual([]);
  });
});

describe("the clean format", () => {
  const batch = [
    ["a", null, "text ü"],
    ["b", "5-1", { base64: Buffer.from(EVERY_BYTE).toString("base64") }],
    ["b", "", "x", { unit: "mm" }],
  ];
  const asMsgpack = encode([
    ["a", null, "text ü"],
    ["b", "5-1", EVERY_BYTE],
    ["b", "*", new TextEncoder().encode("x"), { unit: "mm" }],
  ]);

  test.each([
    ["application/json", "*", JSON.stringify(batch)],
    ["application/json; charset=utf-8", "a", JSON.stringify(batch)],
    ["application/msgpack", "*", asMsgpack],
    ["text/plain", "*?format=json", JSON.stringify(batch)],
    ["application/json", "*?format=msgpack", asMsgpack],
  ])("%s to %s", async (type, path, body) => {
    const answer = await post(path, body, { "content-type": type });
    expect(answer.json()).toEqual([ID, "5-1", ID]);
    expect(await payloads("default:a")).toEqual([Buffer.from("text ü")]);
    const [first, second] = await stored("default:b");
    expect(first).toEqual(["5-1", Buffer.from("d"), Buffer.from(EVERY_BYTE)]);
    expect(second?.slice(1).map(String)).toEqual(["d", "x", "unit", "mm"]);
  });

  test.each([
    ["no JSON", "application/json", "nonsense"],
    [
      "no UTF-8",
      "application/json",
      Buffer.from([...Buffer.from('[["a",null,"'), 0xff, ...Buffer.from('"]]')]),
    ],
    ["no list", "application/json", "{}"],
    ["an entry that is none", "application/json", '[["a",null,"x"],["b"]]'],
    ["an id that is none", "application/json", '[["a",null,"x"],["b","yesterday","x"]]'],
    ["no MessagePack", "application/msgpack", Buffer.from([0xc1])],
    ["MessagePack cut short", "application/msgpack", asMsgpack.subarray(0, -1)],
  ])("%s is rejected, and nothing is stored", async (_, type, body) => {
    const answer = await post("*", body, { "content-type": type });
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.any(String), code: expect.stringMatching(/^BAD_/) });
    expect(await keys()).toEqual([]);
  });

  test("rejects a batch with too many entries with 413", async () => {
    const body = JSON.stringify(Array.from({ length: 21 }, () => ["a", null, "x"]));
    const answer = await post("*", body, { "content-type": "application/json" });
    expect(answer.status).toBe(413);
    expect(await keys()).toEqual([]);
  });
});

describe("entries that Redis rejects", () => {
  const json = { "content-type": "application/json" };

  test("409 for an id that is not greater than the last id of the stream", async () => {
    await post("*", '[["a","5-0","x"]]', json);
    const answer = await post("*", '[["a","5-0","y"]]', json);
    expect(answer.status).toBe(409);
    expect(answer.json()).toEqual({ error: expect.any(String), code: "ID_NOT_ABOVE_LAST" });
    expect(await payloads("default:a")).toEqual([Buffer.from("x")]);
  });

  test("an error in the list of ids if other entries of the batch are stored", async () => {
    await post("*", '[["a","5-0","x"]]', json);
    const answer = await post("*", '[["a","4-0","y"],["a","6-0","z"]]', json);
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual([{ error: expect.any(String), code: "ID_NOT_ABOVE_LAST" }, "6-0"]);
  });

  test("409 for a key of another type", async () => {
    await redis.control.call("SET", "default:text", "x");
    const answer = await post("text", "x");
    expect(answer.status).toBe(409);
    expect(answer.json()).toEqual({ error: expect.any(String), code: "WRONG_TYPE" });
  });
});

describe("bodies that are too large or encoded", () => {
  test("rejects a body over MAX_MESSAGE_BYTES, announced or chunked, with 413 and the limit", async () => {
    const body = new Uint8Array(100 * 1024 + 1);
    for (const headers of [{}, { "transfer-encoding": "chunked" }] as Record<string, string>[]) {
      const answer = await post("big", body, headers);
      expect(answer.status).toBe(413);
      expect(answer.json()).toEqual({ error: expect.stringContaining("102400"), code: "TOO_LARGE" });
    }
    expect(await keys()).toEqual([]);
  });

  test("stores a body of exactly the limit", async () => {
    expect((await post("fits", new Uint8Array(100 * 1024))).status).toBe(200);
  });

  test("rejects a compressed body with 415", async () => {
    const answer = await post("zip", "x", { "content-encoding": "gzip" });
    expect(answer.status).toBe(415);
    expect(answer.json()).toEqual({ error: expect.stringContaining("gzip"), code: "UNSUPPORTED_MEDIA_TYPE" });
  });
});

test("a stream keeps about REDIS_STREAM_MAXLEN entries", async () => {
  await using short = await startTestGateway(redis.url, { REDIS_STREAM_MAXLEN: "1" });
  for (let i = 0; i < 15; i++) {
    await request(`${short.http}/data/trimmed`, {
      method: "POST",
      headers: MULTIPART,
      body: multipart(...Array.from({ length: 20 }, () => ({ data: "x" }))),
    });
  }
  // Redis trims by whole nodes of up to 100 entries.
  expect(Number(await redis.control.call("XLEN", "default:trimmed"))).toBeLessThanOrEqual(101);
});

/** Declared content: push, POST and GraphQL merge it into a stream's metadata, and reject invalid members. */
import { encode } from "@msgpack/msgpack";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { createTestKeys } from "../../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let streams = 0;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** Returns a stream id of its own, because the gateway caches a stream's declaration for some time. */
const freshStream = () => `s${++streams}`;
const metaKey = (stream: string) => `:stream:meta:default:${stream}`;
const metaText = async (stream: string): Promise<string | undefined> => {
  const stored = await redis.control.call("GET", metaKey(stream));
  return stored === null ? undefined : String(stored);
};
const metaOf = async (stream: string): Promise<unknown> => {
  const text = await metaText(stream);
  return text === undefined ? undefined : JSON.parse(text);
};
const setMeta = (stream: string, meta: string) => redis.control.call("SET", metaKey(stream), meta);

/** Pushes one payload and waits for its ack. */
async function push(stream: string, query: string, payload: string | Uint8Array = "x"): Promise<void> {
  await using socket = await connectSocket(`${gateway.ws}/data/${stream}/push?header=0&ack=1&${query}`);
  socket.send(payload);
  expect(await socket.text()).toMatch(/^\["\d+-\d+"\]$/);
}

const post = (stream: string, headers: Record<string, string>, body: string | Uint8Array, query = "") =>
  request(`${gateway.http}/data/${stream}?${query}`, { method: "POST", headers, body });

async function graphql(query: string, variables: object = {}) {
  const { json } = await request(`${gateway.http}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return json() as {
    data?: Record<string, unknown>;
    errors?: { message: string; extensions: { code: string } }[];
  };
}

describe("push", () => {
  test("declares the stream before the first entry is acknowledged", async () => {
    const stream = freshStream();
    await push(stream, "content_type=image/jpeg&schema=sensor_msgs/msg/Image");
    expect(await metaOf(stream)).toEqual({
      contentType: "image/jpeg",
      schema: { name: "sensor_msgs/msg/Image" },
    });
  });

  test("declares nothing without an entry, and nothing without the parameters", async () => {
    const [quiet, plain] = [freshStream(), freshStream()];
    const socket = await connectSocket(`${gateway.ws}/data/${quiet}/push?content_type=image/jpeg`);
    await socket.taken();
    socket.close();
    await socket.closed;
    await push(plain, "", Buffer.of(0xff, 0xd8, 0xff));
    expect([await metaOf(quiet), await metaOf(plain)]).toEqual([undefined, undefined]);
  });

  test("adds absent members only, unless declare=replace, and keeps all others unchanged", async () => {
    const stream = freshStream();
    const others = '"maxAge":"24h","big":12345678901234567890,"list":[1.0,{"a":1e400}]';
    await setMeta(stream, `{${others},"contentType":"image/png"}`);
    await push(stream, "content_type=image/jpeg&schema=Image");
    expect(await metaText(stream)).toContain('"big":12345678901234567890');
    expect(await metaText(stream)).toContain('{"a":1e400}');
    expect(await metaOf(stream)).toMatchObject({
      contentType: "image/png",
      schema: { name: "Image" },
      maxAge: "24h",
    });
    await push(stream, "content_type=image/jpeg&declare=replace");
    expect(await metaOf(stream)).toMatchObject({ contentType: "image/jpeg", schema: { name: "Image" } });
  });

  test("declares every stream that a batch names, each once per connection", async () => {
    const [a, b] = [freshStream(), freshStream()];
    const query = "format=json&ack=1&content_type=text/csv&declare=replace";
    await using socket = await connectSocket(`${gateway.ws}/data/${a}/push?${query}`);
    socket.send(
      JSON.stringify([
        [a, null, "1"],
        [b, null, "2"],
        [a, null, "3"],
      ]),
    );
    await socket.text();
    expect([await metaOf(a), await metaOf(b)]).toEqual([
      { contentType: "text/csv" },
      { contentType: "text/csv" },
    ]);
    await setMeta(a, "{}");
    socket.send(JSON.stringify([[a, null, "4"]]));
    await socket.text();
    expect(await metaOf(a)).toEqual({});
  });

  test("declares nothing for a rejected entry", async () => {
    const [rejected, stored] = [freshStream(), freshStream()];
    await redis.control.call("XADD", `default:${rejected}`, "9-0", "d", "x");
    await using socket = await connectSocket(
      `${gateway.ws}/data/${rejected}/push?format=json&ack=1&content_type=text/csv`,
    );
    socket.send(
      JSON.stringify([
        [rejected, "1-0", "x"],
        [stored, "1-0", "x"],
      ]),
    );
    expect(await socket.text()).toContain("ID_NOT_ABOVE_LAST");
    expect([await metaOf(rejected), await metaOf(stored)]).toEqual([undefined, { contentType: "text/csv" }]);
    socket.send(JSON.stringify([[rejected, "10-0", "x"]]));
    await socket.text();
    expect(await metaOf(rejected)).toEqual({ contentType: "text/csv" });
  });

  test("acknowledges in order while a declaration is stored", async () => {
    const [a, b] = [freshStream(), freshStream()];
    await using socket = await connectSocket(`${gateway.ws}/data/${a}/push?format=json&ack=1&schema=X`);
    for (let i = 1; i <= 50; i++) socket.send(JSON.stringify([[i % 2 ? a : b, `${i}-0`, "x"]]));
    for (let i = 1; i <= 50; i++) expect(await socket.text()).toBe(`["${i}-0"]`);
  });

  test.each(["[1]", "5", "no JSON", '"text"'])("stores entries although the metadata is %s", async (meta) => {
    const stream = freshStream();
    await setMeta(stream, meta);
    await push(stream, "content_type=image/jpeg&declare=replace");
    expect(await metaText(stream)).toBe(meta);
  });

  const SCHEMA = { name: "Imu", encoding: "jsonschema", data: '{"type":"object"}' };

  test.each([
    ["a plus", "content_type=application/ld+json", { contentType: "application/ld+json" }],
    [
      "parameters",
      `content_type=${encodeURIComponent("audio/L16;rate=16000")}`,
      { contentType: "audio/L16;rate=16000" },
    ],
    ["a schema object", `schema=${encodeURIComponent(JSON.stringify(SCHEMA))}`, { schema: SCHEMA }],
    ["a schema name in JSON", 'schema={"name":"Imu"}', { schema: { name: "Imu" } }],
    ["empty values", "content_type=&schema=&declare=replace", undefined],
  ])("accepts %s", async (_what, query, meta) => {
    const stream = freshStream();
    await push(stream, query);
    expect(await metaOf(stream)).toEqual(meta);
  });

  test.each([
    [
      "content_type=jpeg",
      'content_type must be a media type of at most 200 characters, such as image/jpeg, got "jpeg"',
    ],
    ["content_type=image/jpeg%0d%0ax-evil:1", "content_type must be a media type"],
    [`content_type=image/${"x".repeat(10_000)}`, "content_type must be a media type"],
    ["content_type=image/jpeg,image/png", "content_type must be a media type"],
    [
      "schema=no%20JSON",
      'schema must be a name, or {"name": …, "encoding": …, "data": …} in JSON, got "no JSON"',
    ],
    ["schema={bad", 'schema must be a name, or {"name"'],
    ["schema=[1]", 'schema must be {"name"'],
    ['schema={"encoding":"x"}', "schema must have a name"],
    [`schema=${"x".repeat(10_000)}`, "schema must be a name"],
    ['schema={"name":"x","encoding":"jsonschema","data":"{"}', "schema must have data that is valid JSON"],
    ["content_type=image/jpeg&declare=always", 'declare must be one of absent, replace, got "always"'],
  ])("rejects %s", async (query, problem) => {
    const stream = freshStream();
    await using socket = await connectSocket(`${gateway.ws}/data/${stream}/push?${query}`);
    const { code, reason } = await socket.closed;
    const whole = `BAD_PARAMETER: ${problem}`;
    expect([code, reason.slice(0, whole.length)]).toEqual([1008, whole.slice(0, reason.length)]);
    const answer = await post(stream, { "content-type": "application/x" }, "x", query);
    expect([answer.status, (answer.json() as { error: string }).error.startsWith(problem)]).toEqual([
      400,
      true,
    ]);
    expect(await redis.control.call("EXISTS", `default:${stream}`)).toBe(0);
  });

  test("rejects a schema that nests too deep", async () => {
    const { status, json } = await post(freshStream(), {}, "x", `schema=${"[".repeat(300)}`);
    expect([status, (json() as { code: string }).code]).toEqual([413, "TOO_LARGE"]);
  });
});

describe("POST", () => {
  const JPEG = Buffer.of(0xff, 0xd8, 0xff, 1);

  test.each([
    ["image/jpeg", JPEG, "image/jpeg"],
    ["audio/L16;rate=16000", "samples", "audio/L16;rate=16000"],
    ["video/h264", "x", "video/h264"],
    ["text/csv", "a,b", "text/csv"],
    ["text/plain; charset=utf-8", "hello", "text/plain; charset=utf-8"],
    ["text/html", "<p>", "text/html"],
    ["application/octet-stream", JPEG, undefined],
    ["application/x-www-form-urlencoded", "a=b", undefined],
    ["application/json", '{"a":1}', undefined],
  ])("of %s", async (type, body, declared) => {
    const stream = freshStream();
    const { status } = await post(stream, { "content-type": type }, body);
    expect([status, await metaOf(stream)]).toEqual([
      200,
      declared === undefined ? undefined : { contentType: declared },
    ]);
  });

  test("of JSON with the default type of fetch declares no text", async () => {
    const stream = freshStream();
    const url = `${gateway.http}/data/${stream}`;
    await fetch(url, { method: "POST", body: '{"t":1}' });
    expect(await metaOf(stream)).toBeUndefined();
    await fetch(url, { method: "POST", body: "hello" });
    expect(await metaOf(stream)).toEqual({ contentType: "text/plain;charset=UTF-8" });
  });

  test("keeps the declared type, unless declare=replace", async () => {
    const stream = freshStream();
    await post(stream, { "content-type": "image/png" }, JPEG);
    await post(stream, { "content-type": "image/jpeg" }, JPEG);
    expect(await metaOf(stream)).toEqual({ contentType: "image/png" });
    await post(stream, { "content-type": "image/jpeg" }, JPEG, "declare=replace");
    expect(await metaOf(stream)).toEqual({ contentType: "image/jpeg" });
  });

  test("takes the parameters before the type of the body", async () => {
    const stream = freshStream();
    await post(stream, { "content-type": "image/png" }, JPEG, "content_type=image/jpeg&schema=Image");
    expect(await metaOf(stream)).toEqual({ contentType: "image/jpeg", schema: { name: "Image" } });
  });

  test("declares each stream of a batch by the parameters", async () => {
    const [a, b] = [freshStream(), freshStream()];
    const batch = encode([
      [a, null, JPEG],
      [b, null, JPEG],
    ]);
    await post(a, { "content-type": "application/msgpack" }, batch, "content_type=image/jpeg");
    expect([await metaOf(a), await metaOf(b)]).toEqual([
      { contentType: "image/jpeg" },
      { contentType: "image/jpeg" },
    ]);
  });

  test("declares each stream of a multipart body by the type of its first part", async () => {
    const [a, b, c, d] = [freshStream(), freshStream(), freshStream(), freshStream()];
    const body = new FormData();
    body.append("entries", new Blob([JPEG], { type: "image/jpeg" }), a);
    body.append("entries", new Blob(["1,2"], { type: "text/csv" }), b);
    body.append("entries", new Blob([JPEG], { type: "image/png" }), a);
    body.append("entries", new Blob([JPEG]), c);
    body.append("entries", new Blob(["text"], { type: "text/plain" }), d);
    expect((await fetch(`${gateway.http}/data/*`, { method: "POST", body })).status).toBe(200);
    expect(await Promise.all([a, b, c, d].map(metaOf))).toEqual([
      { contentType: "image/jpeg" },
      { contentType: "text/csv" },
      undefined,
      { contentType: "text/plain" },
    ]);
  });

  test("declares nothing for a part without a type of its own", async () => {
    const [untyped, typed] = [freshStream(), freshStream()];
    const part = (stream: string, head: string) =>
      `--b\r\nContent-Disposition: form-data; name="entries"; filename="${stream}"\r\n${head}\r\nhello\r\n`;
    const type = { "content-type": "multipart/form-data; boundary=b" };
    const body = `${part(untyped, "")}${part(typed, "CONTENT-TYPE:text/plain;charset=utf-8\r\n")}--b--\r\n`;
    expect((await post("*", type, body)).status).toBe(200);
    expect([await metaOf(untyped), await metaOf(typed)]).toEqual([undefined, { contentType: "text/plain" }]);
    // The parser skips a part that is no form data.
    const stream = freshStream();
    await post("*", type, `--b\r\nX: y\r\n\r\nx\r\n${part(stream, "content-type: text/csv\r\n")}--b--`);
    expect(await metaOf(stream)).toEqual({ contentType: "text/csv" });
  });

  test("reports a declaration that could not be stored", async () => {
    const stream = freshStream();
    await setMeta(stream, "[]");
    const { status, headers } = await post(stream, { "content-type": "image/jpeg" }, JPEG);
    expect(status).toBe(200);
    expect(JSON.parse(String(headers["x-warnings"]))).toEqual([
      "the entry is stored, but not its declaration: the metadata of the stream is not a JSON object",
    ]);
  });

  test("of a hundred requests at once writes the metadata once", async () => {
    const stream = freshStream();
    const writes = async () =>
      Number(
        /cmdstat_set:calls=(\d+)/.exec(String(await redis.control.call("INFO", "commandstats")))?.[1] ?? 0,
      );
    const before = await writes();
    const all = Array.from({ length: 100 }, () => post(stream, { "content-type": "image/jpeg" }, JPEG));
    for (const { status } of await Promise.all(all)) expect(status).toBe(200);
    expect(await metaOf(stream)).toEqual({ contentType: "image/jpeg" });
    expect((await writes()) - before).toBe(1);
  });

  test("declares again after the stream or its metadata was deleted", async () => {
    const stream = freshStream();
    const change = [
      `mutation { deleteStream(streamId: "${stream}", deviceId: "default") }`,
      `mutation { updateStreamMeta(streamId: "${stream}", deviceId: "default", meta: {}) }`,
    ];
    for (const query of change) {
      await post(stream, { "content-type": "image/jpeg" }, JPEG);
      expect(await metaOf(stream)).toEqual({ contentType: "image/jpeg" });
      expect((await graphql(query)).errors).toBeUndefined();
    }
    await post(stream, { "content-type": "image/jpeg" }, JPEG);
    expect(await metaOf(stream)).toEqual({ contentType: "image/jpeg" });
  });
});

describe("GraphQL", () => {
  const FIELDS = "contentType schema title units";

  test("stores and returns declared members", async () => {
    const stream = freshStream();
    const meta = {
      contentType: "application/json",
      schema: { name: "Imu", encoding: "jsonschema", data: "{}" },
      units: { "acc.x": "m/s^2" },
      title: "IMU",
      frameId: "base",
      description: "six axes",
    };
    const query = "mutation($id: String, $meta: JSON!) { updateStreamMeta(streamId: $id, meta: $meta) }";
    expect((await graphql(query, { id: stream, meta })).errors).toBeUndefined();
    const { data } = await graphql(`{ stream(id: "${stream}") { meta ${FIELDS} } }`);
    const { frameId: _, description: __, ...shown } = meta;
    expect(data?.stream).toEqual({ meta, ...shown });
    const { data: listed } = await graphql(`{ streams(match: "default:${stream}") { id title } }`);
    expect(listed?.streams).toEqual([{ id: `default:${stream}`, title: "IMU" }]);
  });

  test("returns null for absent and for invalid members", async () => {
    const [none, invalid] = [freshStream(), freshStream()];
    await setMeta(invalid, '{"contentType":5,"schema":"Imu","title":[],"units":1}');
    await redis.control.call("XADD", `default:${none}`, "1-0", "d", "x");
    for (const id of [none, invalid]) {
      const { data, errors } = await graphql(`{ stream(id: "${id}") { ${FIELDS} } }`);
      expect(errors).toBeUndefined();
      expect(data?.stream).toEqual({ contentType: null, schema: null, title: null, units: null });
    }
  });

  test.each([
    [{ contentType: "jpeg" }, "contentType must be a media type"],
    [{ contentType: "image/jpeg\r\nx: 1" }, "contentType must be a media type"],
    [{ contentType: "x".repeat(10_000) }, "contentType must be a media type"],
    [{ schema: "not an object" }, "schema must be"],
    [{ units: 5 }, "units must be"],
    [{ title: 5 }, "title must be"],
  ])("rejects the metadata %j", async (meta, problem) => {
    const stream = freshStream();
    const query = "mutation($meta: JSON!, $id: String) { updateStreamMeta(streamId: $id, meta: $meta) }";
    const { errors } = await graphql(query, { id: stream, meta });
    expect(errors?.[0]?.extensions.code).toBe("BAD_PARAMETER");
    expect(errors?.[0]?.message.startsWith(`meta ${problem}`)).toBe(true);
    expect(await metaOf(stream)).toBeUndefined();
  });
});

test("a key declares only streams that it may write to", async () => {
  using keys = createTestKeys();
  const writer = keys.add("writer", ["write:default:mine"]);
  const reader = keys.add("reader", ["read:default:mine"]);
  await using guarded = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  const send = async (secret: string, stream: string) =>
    (
      await request(`${guarded.http}/data/${stream}?content_type=image/jpeg&declare=replace`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "image/jpeg" },
        body: "x",
      })
    ).status;
  expect([await send(reader, "mine"), await send(writer, "other"), await send(writer, "mine")]).toEqual([
    403, 403, 200,
  ]);
  await using socket = await connectSocket(`${guarded.ws}/data/mine/push?format=json&content_type=text/csv`, {
    authorization: `Bearer ${writer}`,
  });
  socket.send(JSON.stringify([["other", null, "x"]]));
  expect((await socket.closed).code).toBe(4403);
  expect([await metaOf("other"), await metaOf("mine")]).toEqual([undefined, { contentType: "image/jpeg" }]);
});

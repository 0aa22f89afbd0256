/** Bounds on the work of one payload and of one query. Exceeding a bound leaves the rest of the answer unaffected. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "../../support/clients/graphql.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;

const add = (key: string, payload: string | Buffer) => redis.control.call("XADD", key, "*", "d", payload);

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    GRAPHQL_MAX_PAYLOAD_BYTES: "300k",
    GRAPHQL_MAX_ANSWER_BYTES: "1m",
  });
  await add("default:good", '{"a":1}');
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const codesOf = (answer: Awaited<ReturnType<typeof ask>>) =>
  answer.errors?.map(({ extensions }) => extensions.code);

const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("returns null with a field error for a payload that cannot be shown as JSON, and the rest of the answer", () => {
  test.each([
    ["5,000 levels", deep(5000), "TOO_LARGE"],
    ["201 levels", deep(201), "TOO_LARGE"],
    ["60,000 values", `[${"[],".repeat(60_000)}[]]`, "TOO_LARGE"],
    ["a large integer", '{"t":1732791745123456789}', "BAD_PAYLOAD"],
    ["a number out of range", "[1e400]", "BAD_PAYLOAD"],
    ["invalid JSON", "{", "BAD_PAYLOAD"],
  ])("%s", async (_, payload, code) => {
    await add("default:odd", payload);
    const query =
      '{ good: stream(id: "good") { lastEntryJson } odd: stream(id: "odd") { id lastEntryJson } }';
    const answer = await ask(gateway, query);
    expect(answer.data).toEqual({
      good: { lastEntryJson: { a: 1 } },
      odd: { id: "odd", lastEntryJson: null },
    });
    expect(codesOf(answer)).toEqual([code]);
  });

  test.each([
    ["200 levels", deep(200)],
    ["an integer below 2^53", "9007199254740991"],
    ["a fraction", "0.1"],
    ["1e300", "1e300"],
  ])("shows %s", async (_, payload) => {
    await add("default:odd", payload);
    const { data, errors } = await ask(gateway, '{ stream(id: "odd") { lastEntryJson } }');
    expect(errors).toBeUndefined();
    expect(data).toEqual({ stream: { lastEntryJson: JSON.parse(payload) } });
  });

  test("returns the exact digits of a large integer as a string", async () => {
    await add("default:odd", "1732791745123456789");
    const { data } = await ask(gateway, '{ stream(id: "odd") { lastEntryString } }');
    expect(data).toEqual({ stream: { lastEntryString: "1732791745123456789" } });
  });

  test("continues a subscription after such a payload", async () => {
    await redis.control.call("DEL", "default:nest", "default:flow");
    await add("default:nest", deep(20_000));
    await add("default:flow", "1");
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    socket.send('{"type":"connection_init"}');
    await socket.text();
    const query = 'subscription { data(streamIds: { nest: "0", flow: "0" }) { streamId json } }';
    socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
    const results = [JSON.parse(await socket.text()), JSON.parse(await socket.text())];
    await add("default:flow", "2");
    results.push(JSON.parse(await socket.text()));
    const shown = results.map(({ payload }) => [payload.data.data.streamId, payload.data.data.json]);
    expect(shown).toContainEqual(["nest", null]);
    expect(shown).toContainEqual(["flow", 1]);
    expect(shown.at(-1)).toEqual(["flow", 2]);
  });
});

describe("preserves numbers in metadata", () => {
  const stored = async () => String(await redis.control.call("GET", ":stream:meta:default:meta"));
  const exact = '{"t":1732791745123456789,"big":1e400,"small":1,"text":"12345678901234567890"}';

  async function mutate(query: string, variables: string) {
    const { text } = await request(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
    });
    expect(JSON.parse(text).errors).toBeUndefined();
  }

  test("from variables", async () => {
    await mutate('mutation($m: JSON!) { updateStreamMeta(streamId: "meta", meta: $m) }', `{"m":${exact}}`);
    expect(await stored()).toBe(exact);
  });

  test("from literals", async () => {
    const literal = exact.replace(/"(\w+)":/g, "$1:");
    await mutate(`mutation { updateStreamMeta(streamId: "meta", meta: ${literal}) }`, "{}");
    expect(await stored()).toBe(exact);
  });

  test("when metadata are merged", async () => {
    await redis.control.call("SET", ":stream:meta:default:meta", '{"t":1732791745123456789}');
    await mutate('mutation { updateStreamMeta(streamId: "meta", meta: { n: 2 }, update: true) }', "{}");
    expect(await stored()).toBe('{"t":1732791745123456789,"n":2}');
  });

  test("of devices and in device events", async () => {
    await mutate('mutation($m: JSON) { connectDevice(deviceId: "exact", meta: $m) }', `{"m":${exact}}`);
    expect(String(await redis.control.call("GET", ":devices:meta:exact"))).toBe(exact);
    const events = String(await redis.control.call("XREVRANGE", ":event:device.meta", "+", "-", "COUNT", 1));
    expect(events).toContain(`{"device_id":"exact","meta":${exact}}`);
  });

  test("returns them as they are stored", async () => {
    await redis.control.call("SET", ":stream:meta:default:meta", exact);
    const query = encodeURIComponent('{ stream(id: "meta") { meta } }');
    const { text } = await request(`${gateway.http}/graphql?query=${query}`);
    expect(text).toBe(`{"data":{"stream":{"meta":${exact}}}}`);
  });

  test("rejects metadata that could not be read again", async () => {
    const answer = await ask(gateway, `mutation { updateStreamMeta(streamId: "m", meta: ${deep(300)}) }`);
    expect(codesOf(answer)).toEqual(["TOO_LARGE"]);
  });
});

describe("large payloads", () => {
  test("returns null for payloads over the limit of a field or of the operation, and the rest of the answer", async () => {
    await redis.control.call("FLUSHDB");
    for (let i = 0; i < 4; i++) await add(`default:huge${i}`, Buffer.alloc(400_000, "x"));
    for (let i = 0; i < 8; i++) await add(`default:large${i}`, Buffer.alloc(250_000, "x"));
    await add("default:small", "hello");
    const answer = await ask(
      gateway,
      "{ streams { id length lastEntryString lastEntryData lastEntryBytes } }",
    );
    const streams = answer.data?.streams as Record<string, unknown>[];
    expect(streams.length).toBe(13);
    for (const { id, lastEntryString, lastEntryData, length } of streams) {
      expect(length).toBe(1);
      if (String(id).includes("huge")) expect([lastEntryString, lastEntryData]).toEqual([null, null]);
      if (id === "default:small") expect(lastEntryString).toBe("hello");
    }
    const shown = streams.filter(({ lastEntryString }) => lastEntryString !== null);
    expect(shown.length).toBeGreaterThan(1);
    expect(shown.length).toBeLessThan(9);
    expect(new Set(codesOf(answer))).toEqual(new Set(["TOO_LARGE"]));
    // Each error names the limit that its payload exceeds.
    const messages = new Set(answer.errors?.map(({ message }) => message));
    expect(messages).toEqual(
      new Set([
        // The name of the field counts, too.
        `the entry must be at most ${300 * 1024} bytes, got 400001`,
        `the payloads of the operation must be at most ${1024 * 1024} bytes together (GRAPHQL_MAX_ANSWER_BYTES); request fewer`,
      ]),
    );
  });

  test("returns null for a history entry that is too large", async () => {
    const query = '{ stream(id: "huge0") { entries(first: 1) { nodes { id data string } } } }';
    const answer = await ask(gateway, query);
    expect(answer.data).toMatchObject({ stream: { entries: { nodes: [{ data: null, string: null }] } } });
    expect(codesOf(answer)).toEqual(["TOO_LARGE", "TOO_LARGE"]);
  });
});

describe("the work of an operation", () => {
  test("rejects a time format that is too long", async () => {
    const answer = await ask(
      gateway,
      `{ stream(id: "small") { lastEntryTime(format: "${"%Y".repeat(33)}") } }`,
    );
    expect(answer.errors?.[0]?.message).toBe("format must be at most 64 characters, got 66");
  });

  test("rejects an operation that resolves too many fields", async () => {
    await using bounded = await startTestGateway(redis.url, { GRAPHQL_MAX_FIELDS: "1000" });
    const aliases = Array.from({ length: 100 }, (_, i) => `a${i}: streams { id length error groups }`);
    const { errors, data } = await ask(bounded, `{ ${aliases.join(" ")} }`);
    expect(data?.a0).toHaveLength(13);
    expect(data?.a99).toBeNull();
    expect(errors?.at(-1)?.message).toContain("resolves more than 1000 fields");
  });

  test("returns the same answer for a list resolved in slices, compiled or not", async () => {
    const count = 3000;
    await redis.control.call("FLUSHDB");
    await Promise.all(Array.from({ length: count }, (_, i) => add(`default:s${i}`, `{"n":${i}}`)));
    const query =
      "{ streams { id length lastEntryJson lastEntryTime meta error } streamIds device { streams { id } } }";
    const first = await ask(gateway, query);
    expect(first.errors).toBeUndefined();
    const streams = first.data?.streams as { id: string; lastEntryJson: { n: number } }[];
    expect(streams.length).toBe(count);
    for (const { id, lastEntryJson } of streams) expect(id).toBe(`default:s${lastEntryJson.n}`);
    expect(first.data?.streamIds).toEqual(streams.map(({ id }) => id));
    // Enough executions to compile the document.
    for (let i = 0; i < 6; i++) expect(await ask(gateway, query)).toEqual(first);
  });
});

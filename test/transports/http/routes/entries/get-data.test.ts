/** `GET /data/{stream_id}` (docs/protocol.md, "GET entries" and "Cursors"). */
import { decode } from "@msgpack/msgpack";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, request } from "../../../../support/clients/http.ts";
import { startTestGateway } from "../../../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

type Offsets = [stream: string, id: string, offset: number][];

const add = (key: string, id: string, data: string | Uint8Array, ...fields: string[]) =>
  redis.control.call("XADD", key, id, "d", data, ...fields);
const get = (path: string, headers: Record<string, string> = {}) =>
  request(`${gateway.http}/data/${path}`, { headers });
const offsetsOf = ({ headers }: Answer): Offsets => JSON.parse(String(headers["x-offsets"]));
const cursorOf = ({ headers }: Answer) => headers["x-last-entry-id"];

/** Returns the size of a response head on the wire. */
const headBytes = ({ rawHeaders }: Answer) =>
  "HTTP/1.1 200 OK\r\n\r\n".length + rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);

/** Splits a body as deployed clients do: from each start offset to the next. */
const cut = (answer: Answer) => {
  const offsets = offsetsOf(answer);
  return offsets.map(([, , start], i) => answer.body.subarray(start, offsets[i + 1]?.[2]).toString());
};

/** Resolves when a request waits for an entry of its streams: the live tail watches them. */
async function untilWatched(streams: number): Promise<void> {
  for (;;) {
    const { text } = await request(`${gateway.http}/metrics`);
    if (text.includes(`redis_streamer_tail_streams ${streams}\n`)) return;
  }
}

describe("stored entries", () => {
  beforeAll(async () => {
    for (let i = 0; i < 12; i++) await add("default:there", `100-${i}`, `e${i}`);
  });

  test("returns one entry after the cursor, as plain bytes", async () => {
    const answer = await get("there?last_entry_id=0");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
    expect(answer.text).toBe("e0");
    expect(answer.headers["x-offsets"]).toBe('[["there","100-0",0]]');
    expect(cursorOf(answer)).toBe("100-0");
  });

  test("returns up to count entries in numeric order: 100-9 before 100-10", async () => {
    const answer = await get("there?last_entry_id=0&count=11");
    expect(cut(answer)).toEqual(Array.from({ length: 11 }, (_, i) => `e${i}`));
    expect(cursorOf(answer)).toBe("100-10");
  });

  test("continues from the cursor of the response to the end", async () => {
    const seen: string[] = [];
    let cursor = "0";
    for (;;) {
      const answer = await get(`there?last_entry_id=${cursor}&count=5&block=0`);
      cursor = String(cursorOf(answer));
      if (answer.body.length === 0) break;
      seen.push(...cut(answer));
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `e${i}`));
    expect(cursor).toBe("100-11");
  });

  test.each([
    ["a full id", "100-4", "100-5"],
    ["bare milliseconds, which mean their first id", "100", "100-1"],
    ["the beginning as 0", "0", "100-0"],
    ["the beginning as -", "-", "100-0"],
  ])("starts after %s", async (_, cursor, first) => {
    expect(cursorOf(await get(`there?last_entry_id=${cursor}`))).toBe(first);
  });

  test("returns the newest entry with latest, however old it is", async () => {
    expect((await get("there?last_entry_id=0&latest=True")).text).toBe("e11");
  });

  test("returns the newest entries with latest and count, oldest first", async () => {
    const answer = await get("there?last_entry_id=0&latest=1&count=3");
    expect(cut(answer)).toEqual(["e9", "e10", "e11"]);
    expect(cursorOf(answer)).toBe("100-11");
  });

  test("returns nothing at or before the cursor with latest", async () => {
    const answer = await get("there?last_entry_id=100-11&latest=1&block=0");
    expect(answer.body.length).toBe(0);
    expect(cursorOf(answer)).toBe("100-11");
  });

  test.each(["", "&latest=1"])("returns nothing after the greatest id%s", async (latest) => {
    const id = "18446744073709551615-18446744073709551615";
    if (latest === "") await add("default:full", id, "last");
    const answer = await get(`full+there?last_entry_id=${id}%2B100-10&block=0${latest}`);
    expect(answer.text).toBe("e11");
    expect(cursorOf(answer)).toBe(`${id}+100-11`);
  });

  test("has offsets of starts or of ends", async () => {
    const query = "there?last_entry_id=100-9&count=2";
    expect(offsetsOf(await get(query)).map(([, , offset]) => offset)).toEqual([0, 3]);
    expect(offsetsOf(await get(`${query}&offsets=end`)).map(([, , offset]) => offset)).toEqual([3, 6]);
  });
});

describe("x-last-entry-id", () => {
  test("is always an entry id: 0-0 for an empty stream", async () => {
    const answer = await get("empty?block=0");
    expect(answer.status).toBe(200);
    expect(answer.body.length).toBe(0);
    expect(answer.headers["x-offsets"]).toBe("[]");
    expect(cursorOf(answer)).toBe("0-0");
  });

  test("of $ is the last id of the stream, even if a device assigns small ids", async () => {
    await add("default:boot", "1500-7", "old");
    expect(cursorOf(await get("boot?block=0"))).toBe("1500-7");
    expect(cursorOf(await get("boot?last_entry_id=$&block=0"))).toBe("1500-7");
  });

  test("of $ is the last generated id, even if that entry was deleted", async () => {
    await add("default:deleted", "7-1", "gone");
    await redis.control.call("XDEL", "default:deleted", "7-1");
    expect(cursorOf(await get("deleted?block=0"))).toBe("7-1");
  });

  test("is a full id if the request had milliseconds", async () => {
    expect(cursorOf(await get("empty?last_entry_id=5&block=0"))).toBe("5-0");
  });

  test("has one id per stream, in the order of the request", async () => {
    await add("default:second", "2-0", "two");
    await add("default:first", "1-0", "one");
    const answer = await get("second+third+first?last_entry_id=0");
    expect(new Set(offsetsOf(answer).map(([stream]) => stream))).toEqual(new Set(["first", "second"]));
    expect(cursorOf(answer)).toBe("2-0+0-0+1-0");
    const next = await get(`second+third+first?block=0&last_entry_id=${cursorOf(answer)}`);
    expect(next.body.length).toBe(0);
    expect(cursorOf(next)).toBe("2-0+0-0+1-0");
  });

  test("accepts one cursor per stream, joined by a plus, a space or %2B", async () => {
    for (const plus of ["+", "%20", "%2B"]) {
      const answer = await get(`second+first?last_entry_id=2-0${plus}0&block=0`);
      expect(cut(answer)).toEqual(["one"]);
      expect(cursorOf(answer)).toBe("2-0+1-0");
    }
  });

  test("has one id for a stream that is named twice", async () => {
    const answer = await get("first+second+first?last_entry_id=0");
    expect(cut(answer).sort()).toEqual(["one", "two"]);
    expect(cursorOf(answer)).toBe("1-0+2-0");
  });

  test("%2B is a plus within a stream name", async () => {
    expect(cursorOf(await get("second%2Bfirst?last_entry_id=0"))).toBe("0-0");
  });
});

describe("waiting", () => {
  test("ends with the first entry", async () => {
    const answer = get("woken?block=30000");
    await untilWatched(1);
    await add("default:woken", "5-0", "received");
    expect((await answer).text).toBe("received");
    expect(cursorOf(await answer)).toBe("5-0");
  });

  test("ends with the first entry of any stream, also with latest", async () => {
    const answer = get("quiet1+quiet2?block=30000&latest=1");
    await untilWatched(2);
    await add("default:quiet2", "5-0", "received");
    expect(offsetsOf(await answer)).toEqual([["quiet2", "5-0", 0]]);
    expect(cursorOf(await answer)).toBe("0-0+5-0");
  });

  test("ends without entries after block ms, and the next response has the entries stored in between", async () => {
    const first = await get("between?block=50");
    expect(first.body.length).toBe(0);
    await add("default:between", "5-0", "a");
    await add("default:between", "5-1", "b");
    const second = await get(`between?count=9&last_entry_id=${cursorOf(first)}`);
    expect(cut(second)).toEqual(["a", "b"]);
  });

  test("misses no entry after $, whenever entries are appended", async () => {
    const total = 200;
    let cursor = String(cursorOf(await get("moments?block=0")));
    const writing = (async () => {
      for (let i = 0; i < total; i++) await add("default:moments", "*", String(i));
    })();
    const seen: string[] = [];
    while (seen.length < total) {
      const answer = await get(`moments?count=7&block=2000&last_entry_id=${cursor}`);
      if (answer.body.length === 0) break;
      cursor = String(cursorOf(answer));
      seen.push(...cut(answer));
    }
    await writing;
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => String(i)));
  });

  test("ends and releases its resources when the client disconnects", async () => {
    const leaving = new AbortController();
    const answer = request(`${gateway.http}/data/left?block=30000`, { signal: leaving.signal });
    await untilWatched(1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    for (;;) {
      const { text } = await request(`${gateway.http}/metrics`);
      if (text.includes("redis_streamer_readers 0\n")) break;
    }
  });

  test("ends when the gateway stops", async () => {
    await using stopping = await startTestGateway(redis.url);
    const answer = request(`${stopping.http}/data/stop?block=600000&last_entry_id=0`);
    for (;;) {
      const { text } = await request(`${stopping.http}/metrics`);
      if (text.includes("redis_streamer_readers 1\n")) break;
    }
    await stopping.close();
    expect((await answer).status).toBe(200);
    expect(cursorOf(await answer)).toBe("0-0");
  });
});

describe("x-offsets, with which the response headers stay under 3,500 bytes", () => {
  test("is ASCII for any stream name", async () => {
    const name = 'Küche "日本" 😀';
    await add(`default:${name}`, "1-1", "x");
    const answer = await get(`${encodeURIComponent(name)}?last_entry_id=0`);
    expect(answer.headers["x-offsets"]).toMatch(/^[\x20-\x7e]+$/);
    expect(offsetsOf(answer)).toEqual([[name, "1-1", 0]]);
  });

  test("has fewer entries than requested; the next response has the rest", async () => {
    const name = "l".repeat(200);
    for (let i = 1; i <= 400; i++) await add(`default:${name}`, `${i}-0`, `${i} `);
    const seen: string[] = [];
    let cursor = "0";
    let answers = 0;
    for (;;) {
      const answer = await get(`${name}?last_entry_id=${cursor}&count=1000&block=0`);
      expect(headBytes(answer)).toBeLessThanOrEqual(3500);
      expect(cursorOf(answer)).toBe(offsetsOf(answer).at(-1)?.[1] ?? cursor);
      cursor = String(cursorOf(answer));
      if (answer.body.length === 0) break;
      answers++;
      seen.push(...cut(answer));
    }
    expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => `${i + 1} `));
    // Uses the available bytes: at least ten entries of about 215 bytes fit 3,500 bytes.
    expect(answers).toBeLessThanOrEqual(40);
  });

  test("has fewer entries of each of several streams; no stream loses an entry or starves", async () => {
    const names = ["p", "q", "r"].map((letter) => letter.repeat(250));
    for (let i = 1; i <= 100; i++) for (const name of names) await add(`default:${name}`, `${i}-0`, "x");
    const seen = new Map(names.map((name) => [name, [] as string[]]));
    let cursor = "0";
    for (;;) {
      const answer = await get(`${names.join("+")}?last_entry_id=${cursor}&count=1000&block=0`);
      expect(headBytes(answer)).toBeLessThanOrEqual(3500);
      if (cursor === "0")
        expect(new Set(offsetsOf(answer).map(([stream]) => stream))).toEqual(new Set(names));
      cursor = String(cursorOf(answer));
      if (answer.body.length === 0) break;
      for (const [stream, id] of offsetsOf(answer)) seen.get(stream)?.push(id);
    }
    const all = Array.from({ length: 100 }, (_, i) => `${i + 1}-0`);
    expect([...seen.values()]).toEqual([all, all, all]);
  });

  test("counts x-gaps, cursors and headers that echo the request", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `gone-${i}`);
    for (const name of names) {
      await add(`default:${name}`, "1732791745123-1", "lost");
      for (let i = 2; i <= 5; i++) await add(`default:${name}`, `1732791745123-${i}`, "x");
      await redis.control.call("XTRIM", `default:${name}`, "MAXLEN", "4");
    }
    const seen = new Map(names.map((name) => [name, [] as string[]]));
    const gaps = new Set<string>();
    let cursor = names.map(() => "1-0").join("+");
    for (;;) {
      const url = `${names.join("+")}?last_entry_id=${cursor}&count=1000&block=0`;
      const answer = await get(url, { origin: `http://localhost:${"1".repeat(4)}` });
      expect(answer.status).toBe(200);
      expect(headBytes(answer)).toBeLessThanOrEqual(3500);
      if (answer.body.length === 0) break;
      for (const [stream] of JSON.parse(String(answer.headers["x-gaps"] ?? "[]"))) gaps.add(stream);
      for (const [stream, id] of offsetsOf(answer)) seen.get(stream)?.push(id);
      cursor = String(cursorOf(answer));
    }
    expect(new Set(names)).toEqual(gaps);
    for (const ids of seen.values()) expect(ids).toEqual([2, 3, 4, 5].map((i) => `1732791745123-${i}`));
  });

  test("rejects a request of which no entry can fit, with a remedy, even without entries", async () => {
    const long = "ü".repeat(512);
    await add(`default:${long}`, "1-0", "x");
    const path = `${encodeURIComponent(long)}?last_entry_id=0&block=0`;
    const rejected = await get(path);
    expect(rejected.status).toBe(400);
    expect(rejected.json()).toEqual({
      error: expect.stringMatching(/stream_id.*MAX_RESPONSE_HEADER_BYTES.*format=msgpack/),
      code: "BAD_PARAMETER",
    });
    const clean = await get(`${path}&format=json`);
    expect(clean.json()).toEqual([[long, "1-0", "x"]]);
    const many = Array.from({ length: 300 }, (_, i) => `s${i}`).join("+");
    expect((await get(`${many}?last_entry_id=0&block=0`)).json()).toEqual({
      error: expect.stringContaining("300 streams"),
      code: "BAD_PARAMETER",
    });
    await using roomy = await startTestGateway(redis.url, { MAX_RESPONSE_HEADER_BYTES: "64k" });
    const answer = await request(`${roomy.http}/data/${path}`);
    expect(offsetsOf(answer)).toEqual([[long, "1-0", 0]]);
    expect((await request(`${roomy.http}/data/${many}?last_entry_id=0&block=0`)).status).toBe(200);
  });

  test("drops older entries with latest, and the cursor is the newest id", async () => {
    const name = "m".repeat(200);
    for (let i = 1; i <= 400; i++) await add(`default:${name}`, `${i}-0`, "x");
    const answer = await get(`${name}?last_entry_id=0&count=1000&latest=1`);
    const ids = offsetsOf(answer).map(([, id]) => id);
    expect(ids.length).toBeLessThan(400);
    expect(ids.at(-1)).toBe("400-0");
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => `${401 - ids.length + i}-0`));
    expect(cursorOf(answer)).toBe("400-0");
  });

  test("drops older entries of each of several streams with latest", async () => {
    const names = ["n", "o"].map((letter) => letter.repeat(250));
    for (let i = 1; i <= 100; i++) for (const name of names) await add(`default:${name}`, `${i}-0`, "x");
    const answer = await get(`${names.join("+")}?last_entry_id=0&count=1000&latest=1`);
    expect(cursorOf(answer)).toBe("100-0+100-0");
    expect(new Set(offsetsOf(answer).map(([stream]) => stream))).toEqual(new Set(names));
  });
});

describe("format", () => {
  const bytes = Uint8Array.of(0, 255, 254, 10, 13);
  beforeAll(async () => {
    await add("default:clean", "1-0", "text ü");
    await add("default:clean", "1-1", bytes);
    await add("default:clean", "1-2", "more", "unit", "mm");
    await redis.control.call("XADD", "default:clean", "1-3", "temperature", "21");
  });

  test.each([
    ["?format=json", {}],
    ["?", { accept: "application/json" }],
    ["?format=JSON", { accept: "application/msgpack" }],
  ])("json: %s %o", async (query, headers) => {
    const answer = await get(`clean${query}&last_entry_id=0&count=9`, headers);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.headers["x-offsets"]).toBeUndefined();
    expect(cursorOf(answer)).toBe("1-3");
    expect(answer.json()).toEqual([
      ["clean", "1-0", "text ü"],
      ["clean", "1-1", { base64: Buffer.from(bytes).toString("base64") }],
      ["clean", "1-2", "more", { unit: "mm" }],
      ["clean", "1-3", "", { temperature: "21" }],
    ]);
  });

  test.each([
    ["?format=msgpack", {}],
    ["?", { accept: "application/msgpack" }],
  ])("msgpack: %s %o", async (query, headers) => {
    const answer = await get(`clean${query}&last_entry_id=0&count=3`, headers);
    expect(answer.headers["content-type"]).toBe("application/msgpack");
    expect(decode(new Uint8Array(answer.body))).toEqual([
      ["clean", "1-0", new TextEncoder().encode("text ü")],
      ["clean", "1-1", bytes],
      ["clean", "1-2", new TextEncoder().encode("more"), { unit: new TextEncoder().encode("mm") }],
    ]);
  });

  test("is raw for a client that accepts anything, and with format=raw whatever Accept is", async () => {
    for (const [query, accept] of [
      ["?", "*/*"],
      ["?format=raw", "application/json"],
    ] as const) {
      const answer = await get(`clean${query}&last_entry_id=1-0`, { accept });
      expect(answer.body).toEqual(Buffer.from(bytes));
    }
  });

  test("an entry without a field d has an empty payload", async () => {
    const answer = await get("clean?last_entry_id=1-2");
    expect(offsetsOf(answer)).toEqual([["clean", "1-3", 0]]);
    expect(answer.body.length).toBe(0);
  });

  test("a quiet stream is an empty list", async () => {
    expect((await get("empty?block=0&format=json")).json()).toEqual([]);
    expect(decode((await get("empty?block=0&format=msgpack")).body)).toEqual([]);
  });
});

describe("names", () => {
  beforeAll(async () => {
    await add("cam7:room/left", "1-0", "seven");
    await add("default:room/left", "1-0", "plain");
    await add("default:a b%", "1-0", "odd");
  });

  test.each([
    ["device and prefix", "left?device_id=cam7&prefix=room/", "left", "seven"],
    ["an empty device names the key itself", "left?device_id=&prefix=default:room/", "left", "plain"],
    ["%2F is a slash of the id", "room%2Fleft?", "room/left", "plain"],
    ["the device may be kept", "room%2Fleft?keep_device_id_in_stream_id=1", "default:room/left", "plain"],
    ["spaces and percent signs", "a%20b%25?", "a b%", "odd"],
  ])("%s", async (_, path, name, payload) => {
    const answer = await get(`${path}&last_entry_id=0`);
    expect(answer.text).toBe(payload);
    expect(offsetsOf(answer)[0]?.[0]).toBe(name);
  });

  test("without device prefixes stream ids are keys, and device_id is ignored", async () => {
    await using plain = await startTestGateway(redis.url, { DISABLE_MULTI_DEVICE_PREFIXING: "1" });
    await add("bare", "1-0", "bare");
    const answer = await request(`${plain.http}/data/bare?last_entry_id=0&device_id=cam7`);
    expect(answer.text).toBe("bare");
    expect(offsetsOf(answer)).toEqual([["bare", "1-0", 0]]);
  });

  test("accepts a URL in absolute form, as proxies send it (RFC 9112, 3.2.2)", async () => {
    const { port } = new URL(gateway.http);
    const answer = await new Promise<string>((resolve, reject) => {
      import("node:http").then(({ request: nodeRequest }) => {
        const path = `${gateway.http}/data/room%2Fleft?last_entry_id=0&format=json`;
        nodeRequest({ port, host: "127.0.0.1", path, agent: false }, (response) => {
          response.setEncoding("utf8");
          let text = "";
          response.on("data", (chunk) => {
            text += chunk;
          });
          response.on("end", () => resolve(text));
        })
          .on("error", reject)
          .end();
      }, reject);
    });
    expect(JSON.parse(answer)).toEqual([["room/left", "1-0", "plain"]]);
  });
});

describe("400 names the invalid parameter", () => {
  test.each([
    ["a?last_entry_id=yesterday", "last_entry_id"],
    ["a?last_entry_id=1-2-3", "last_entry_id"],
    ["a?last_entry_id=18446744073709551616", "last_entry_id"],
    ["a?last_entry_id=1%2B2", "last_entry_id"],
    ["a+b+c?last_entry_id=1%2B2", "last_entry_id"],
    ["a?count=0", "count"],
    ["a?count=ten", "count"],
    ["a?count=1.5", "count"],
    ["a?count=10001", "count"],
    ["a?block=-1", "block"],
    ["a?block=1e3", "block"],
    ["a?latest=maybe", "latest"],
    ["a?offsets=middle", "offsets"],
    ["a?format=xml", "format"],
    ["a?keep_device_id_in_stream_id=2", "keep_device_id_in_stream_id"],
    ["a++b", "stream_id"],
    ["+a", "stream_id"],
    [Array.from({ length: 1001 }, (_, i) => i).join("+"), "stream_id"],
  ])("%.40s", async (path, name) => {
    const answer = await get(path);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringContaining(name), code: "BAD_PARAMETER" });
  });

  test("ignores an unknown parameter, uses the default of an empty one and the last of repeated ones", async () => {
    await add("default:lenient", "1-0", "x");
    const answer = await get("lenient?last=None&count=&last_entry_id=&last_entry_id=0&block=");
    expect(answer.text).toBe("x");
  });

  test.each(["1", "true", "True", "TRUE", "yes", "on", "t", "y", "Y"])("%s is true", async (spelling) => {
    await add("default:booleans", "*", "newest");
    expect((await get(`booleans?last_entry_id=0&latest=${spelling}`)).text).toBe("newest");
  });

  test.each(["0", "false", "False", "no", "off", "f", "n", "N"])("%s is false", async (spelling) => {
    await redis.control.call("DEL", "default:booleans");
    await add("default:booleans", "1-0", "oldest");
    await add("default:booleans", "2-0", "newest");
    expect((await get(`booleans?last_entry_id=0&latest=${spelling}`)).text).toBe("oldest");
  });
});

test("responds with 409 for a key of another type", async () => {
  await redis.control.call("SET", "default:string", "x");
  const answer = await get("string?last_entry_id=0");
  expect(answer.status).toBe(409);
  expect(answer.json()).toEqual({ error: expect.stringContaining("not a stream"), code: "WRONG_TYPE" });
});

/** `GET /data/{stream_id}/entries`: history in pages. */
import { decode } from "@msgpack/msgpack";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Answer, request } from "../../../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;

/** Milliseconds of the time that the tests write in every format. */
const MOMENT = Date.UTC(2024, 1, 29, 12, 30, 0);

beforeAll(async () => {
  // A time without a zone must not depend on the zone of the server.
  vi.stubEnv("TZ", "America/New_York");
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  for (const id of ["1-0", "1-1", "2-0", `${MOMENT - 1}-5`, `${MOMENT}-0`, `${MOMENT}-7`, `${MOMENT + 1}-0`])
    await redis.control.call("XADD", "default:h", id, "d", id);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  request(`${gateway.http}/data/${path}`, { headers });
const idsOf = (answer: Answer) => (answer.json() as [string, string, string][]).map(([, id]) => id);
const ids = async (query: string) => idsOf(await get(`h/entries?format=json&${query}`));

/** Returns the URL of the next page (RFC 8288), or undefined on the last page. */
function nextOf(answer: Answer): string | undefined {
  const { link } = answer.headers;
  if (link === undefined) return undefined;
  const target = /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1];
  if (target === undefined) throw new Error(`no link: ${link}`);
  return new URL(target, gateway.http).href;
}

/** Returns the ids of all pages. */
async function follow(path: string): Promise<{ seen: string[]; pages: number }> {
  const seen: string[] = [];
  let pages = 0;
  for (let url: string | undefined = `${gateway.http}/data/${path}`; url !== undefined; ) {
    const answer: Answer = await request(url);
    expect(answer.status).toBe(200);
    seen.push(...idsOf(answer));
    pages++;
    url = nextOf(answer);
  }
  return { seen, pages };
}

describe("a range", () => {
  test("is the whole stream by default", async () => {
    expect(await ids("")).toHaveLength(7);
    expect(await ids("start=-&end=%2B")).toHaveLength(7);
    expect(await ids("start=&end=+")).toHaveLength(7);
  });

  test.each([
    ["ids, both included", "start=1-1&end=2-0", ["1-1", "2-0"]],
    ["milliseconds, with all entries of the last one", "start=1&end=1", ["1-0", "1-1"]],
    ["an excluded start", "start=(1-0&end=2-0", ["1-1", "2-0"]],
    ["an excluded end", "start=0&end=(2-0", ["1-0", "1-1"]],
    ["excluded milliseconds, with all of their entries, at the start", "start=(1&end=2", ["2-0"]],
    ["excluded milliseconds, with all of their entries, at the end", "start=1&end=(2", ["1-0", "1-1"]],
    ["an id that is not there", "start=1-5&end=3", ["2-0"]],
    ["an end before the start", "start=2&end=1", []],
    ["count", "count=2", ["1-0", "1-1"]],
    ["reverse", "end=2-0&reverse=1", ["2-0", "1-1", "1-0"]],
    ["reverse and count", "reverse=True&count=1", [`${MOMENT + 1}-0`]],
  ])("%s", async (_, query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  test.each([
    ["2024-02-29T12:30:00Z"],
    ["2024-02-29T12:30:00.000Z"],
    ["2024-02-29T12:30Z"],
    ["2024-02-29T14:30:00%2B02:00"],
    ["2024-02-29T14:30:00+02:00"],
    ["2024-02-29T07:30:00-05:00"],
    ["2024-02-29T14:30:00%2B0200"],
    // Without a zone a time is UTC, whatever the zone of the server is.
    ["2024-02-29T12:30:00"],
  ])("the moment %s", async (moment) => {
    expect(await ids(`start=${moment}&end=${moment}`)).toEqual([`${MOMENT}-0`, `${MOMENT}-7`]);
    expect(await ids(`start=2-1&end=(${moment}`)).toEqual([`${MOMENT - 1}-5`]);
    expect(await ids(`start=(${moment}`)).toEqual([`${MOMENT + 1}-0`]);
  });

  test("a date is its midnight in UTC", async () => {
    expect(await ids("start=2024-02-29&end=2024-03-01")).toHaveLength(4);
    expect(await ids("start=2024-03-01")).toEqual([]);
  });

  test.each([
    ["start=yesterday", "start"],
    ["end=2024-13-01", "end"],
    ["end=2024-02-29nonsense", "end"],
    ["start=2024-02-29T25:00:00Z", "start"],
    ["start=1969-12-31", "start"],
    ["start=18446744073709551616", "start"],
    ["start=(18446744073709551615-18446744073709551615", "start"],
    ["end=(0-0", "end"],
    ["end=((1", "end"],
    ["count=0", "count"],
    ["count=-1", "count"],
    ["count=10001", "count"],
    ["reverse=maybe", "reverse"],
    ["format=csv", "format"],
  ])("%s is rejected by its name", async (query, name) => {
    const answer = await get(`h/entries?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringContaining(name), code: "BAD_PARAMETER" });
  });

  test("rejects several streams, but accepts one that is named twice", async () => {
    const answer = await get("h+g/entries");
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: expect.stringContaining("stream_id"), code: "BAD_PARAMETER" });
    expect(idsOf(await get("h+h/entries?format=json&end=1"))).toEqual(["1-0", "1-1"]);
  });

  test("is empty and has no next page for a missing stream", async () => {
    const answer = await get("empty/entries?format=json");
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual([]);
    expect(answer.headers.link).toBeUndefined();
  });
});

describe("pages", () => {
  beforeAll(async () => {
    for (let i = 0; i < 25; i++) await redis.control.call("XADD", "dev:a b+c/d", `9-${i}`, "d", `${i}`);
  });
  const all = Array.from({ length: 25 }, (_, i) => `9-${i}`);
  const path = "a%20b%2Bc%2Fd/entries?device_id=dev&format=json";

  test("a plus written as %2B is part of the name, and a plus separates", async () => {
    expect((await get(path)).status).toBe(200);
    expect((await get(path.replace("%2B", "+"))).status).toBe(400);
  });

  test.each([
    ["in order", 7, "", all],
    ["newest first", 7, "&reverse=1", all.toReversed()],
    ["with a last page that is exactly full", 5, "", all],
    ["with one entry a page", 1, "&reverse=true", all.toReversed()],
    ["within bounds", 4, "&start=9-3&end=9-12", all.slice(3, 13)],
    ["within bounds, newest first", 4, "&start=9-3&end=9-12&reverse=1", all.slice(3, 13).toReversed()],
  ])("linked to the end show every entry once, %s", async (_, count, more, expected) => {
    await redis.control.call("COPY", "dev:a b+c/d", "dev:p/ä q");
    const { seen, pages } = await follow(
      `p%2F%C3%A4%20q/entries?device_id=dev&format=json&count=${count}${more}`,
    );
    expect(seen).toEqual(expected);
    expect(pages).toBeGreaterThanOrEqual(Math.ceil(expected.length / count));
  });

  test("include entries stored while a client pages", async () => {
    for (let i = 1; i <= 4; i++) await redis.control.call("XADD", "default:grows", `${i}-0`, "d", "x");
    const first = await get("grows/entries?format=json&count=4");
    await redis.control.call("XADD", "default:grows", "5-0", "d", "x");
    expect(idsOf(await request(String(nextOf(first))))).toEqual(["5-0"]);
  });

  test("are cut at 3,500 bytes of response headers, and the link continues from there", async () => {
    const name = "l".repeat(250);
    for (let i = 1; i <= 300; i++) await redis.control.call("XADD", `default:${name}`, `${i}-0`, "d", "x");
    const seen: string[] = [];
    for (
      let url: string | undefined = `${gateway.http}/data/${name}/entries?count=1000`;
      url !== undefined;
    ) {
      const answer: Answer = await request(url);
      const header = String(answer.headers["x-offsets"]);
      const head = answer.rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
      expect(head).toBeLessThanOrEqual(3500);
      seen.push(...(JSON.parse(header) as [string, string, number][]).map(([, id]) => id));
      url = nextOf(answer);
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => `${i + 1}-0`));
  });
});

describe("format", () => {
  test("raw: entries end to end, with the offsets in a header, of starts or of ends", async () => {
    const answer = await get("h/entries?end=1");
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
    expect(answer.text).toBe("1-01-1");
    expect(answer.headers["x-offsets"]).toBe('[["h","1-0",0],["h","1-1",3]]');
    expect(answer.headers["x-last-entry-id"]).toBe("1-1");
    expect((await get("h/entries?end=1&offsets=end")).headers["x-offsets"]).toBe(
      '[["h","1-0",3],["h","1-1",6]]',
    );
  });

  test("json and msgpack, by parameter or by Accept", async () => {
    const expected = [
      ["h", "1-0", "1-0"],
      ["h", "1-1", "1-1"],
    ];
    expect((await get("h/entries?end=1&format=json")).json()).toEqual(expected);
    expect((await get("h/entries?end=1", { accept: "application/json" })).json()).toEqual(expected);
    for (const answer of [
      await get("h/entries?end=1&format=msgpack"),
      await get("h/entries?end=1", { accept: "application/msgpack" }),
    ]) {
      expect(answer.headers["content-type"]).toBe("application/msgpack");
      const entries = decode(answer.body) as [string, string, Uint8Array][];
      expect(entries.map(([stream, id, data]) => [stream, id, Buffer.from(data).toString()])).toEqual(
        expected,
      );
    }
  });
});

/** Size limit of responses: whatever `count` is, a response stays under `MAX_ANSWER_BYTES` and names the next cursor. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, dataOf } from "../../../support/clients/graphql.ts";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

const SIZE = 10_000;
const ENTRIES = 100;
/** Number of entries that fill `MAX_ANSWER_BYTES`. */
const FIT = 20;

let redis: TestRedis;
let gateway: TestGateway;
let ids: readonly string[];

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    MAX_ANSWER_BYTES: String(FIT * SIZE),
    GRAPHQL_MAX_ANSWER_BYTES: String(FIT * SIZE),
    PAGE_BYTES: String(SIZE),
  });
  const payload = Buffer.alloc(SIZE, "x");
  const append = (stream: string) => redis.control.call("XADD", `default:${stream}`, "*", "d", payload);
  ids = (await Promise.all(Array.from({ length: ENTRIES }, () => append("large")))).map(String);
  for (let i = 0; i < ENTRIES; i++) await append(`camera${i}`);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** Reads all pages. @param next returns the query that continues after an entry id */
async function readOn(next: (last: string) => string): Promise<readonly string[]> {
  const read: string[] = [];
  for (;;) {
    const answer = await request(`${gateway.http}/data/large${next(read.at(-1) ?? "0")}&format=json`);
    const some = (answer.json() as [string, string, string][]).map(([, id]) => id);
    if (some.length === 0) return read;
    expect(some.length).toBeLessThanOrEqual(FIT);
    read.push(...some);
  }
}

test("GET continues where a response was cut", async () => {
  expect(await readOn((last) => `?last_entry_id=${last}&count=1000&block=0`)).toEqual(ids);
});

test("the Link header of history continues where a page was cut", async () => {
  expect(await readOn((last) => `/entries?start=(${last}&count=1000`)).toEqual(ids);
  const first = await request(`${gateway.http}/data/large/entries?count=1000`);
  expect(first.headers.link).toContain('rel="next"');
});

test("divides the newest entries among many streams, and returns the newest of each", async () => {
  const names = Array.from({ length: ENTRIES }, (_, i) => `camera${i}`).join("+");
  const answer = await request(
    `${gateway.http}/data/large+${names}?last_entry_id=0&latest=1&count=1000&format=json`,
  );
  const found = answer.json() as [string, string, string][];
  expect(found.filter(([stream]) => stream === "large").map(([, id]) => id)).toEqual([ids.at(-1)]);
  expect(found).toHaveLength(ENTRIES + 1);
});

test("limits one payload of a pull", async () => {
  await using pull = await connectSocket(`${gateway.ws}/data/large/pull?last_entry_id=0&count=1000`);
  const read: string[] = [];
  while (read.length < ENTRIES) {
    const { header } = await pull.pair();
    expect(header.length).toBeLessThanOrEqual(FIT);
    read.push(...header.map(([, id]) => id));
  }
  expect(read).toEqual(ids);
});

test("a GraphQL page continues at its cursor", async () => {
  const read: string[] = [];
  for (let after: string | null = null; ; ) {
    const data = await dataOf(
      gateway,
      `query ($after: String) { stream(id: "large") { entries(first: 1000, after: $after) {
        nodes { id } pageInfo { hasNextPage endCursor } } } }`,
      { after },
    );
    const { entries } = data.stream as {
      entries: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    };
    expect(entries.nodes.length).toBeLessThanOrEqual(FIT);
    read.push(...entries.nodes.map(({ id }) => id));
    if (!entries.pageInfo.hasNextPage) break;
    after = entries.pageInfo.endCursor;
  }
  expect(read).toEqual(ids);
});

test("one GraphQL operation returns the last ids of many streams, but not all of their last entries", async () => {
  const few = await dataOf(gateway, `{ streams(match: "*:camera1?") { id firstEntryData lastEntryString } }`);
  const streams = few.streams as { id: string; firstEntryData: string; lastEntryString: string }[];
  expect(streams).toHaveLength(10);
  for (const { firstEntryData, lastEntryString } of streams)
    expect([Buffer.from(firstEntryData, "base64").length, lastEntryString.length]).toEqual([SIZE, SIZE]);
  const { data, errors } = await ask(
    gateway,
    `{ streams(match: "*:camera*") { id lastEntryString } streamIds }`,
  );
  // Each field over the limit has its own error; all others have results.
  const shown = data?.streams as { id: string; lastEntryString: string | null }[];
  expect(shown).toHaveLength(ENTRIES);
  const missing = shown.filter(({ lastEntryString }) => lastEntryString === null);
  expect(missing.length).toBeGreaterThan(0);
  expect(missing.length).toBeLessThan(ENTRIES);
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(missing.map(() => "TOO_LARGE"));
  const { streams: facts } = await dataOf(
    gateway,
    `{ streams(match: "*:camera*") { id lastEntryId lastEntryTime } }`,
  );
  expect(facts).toHaveLength(ENTRIES);
});

/** `dedupe=<key>`: an entry that is resent after a lost connection, to any gateway, is stored once. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { dedupedCommand } from "../../../../src/redis/append/dedupe.ts";
import {
  DEDUPE_RECORDS,
  DEDUPE_WINDOW,
  dedupeRecordKey,
} from "../../../../src/redis/append/dedupe-record.ts";
import { request } from "../../../support/clients/http.ts";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startReader } from "../../../support/gateway/load.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

let redis: TestRedis;
let one: TestGateway;
let other: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  [one, other] = await Promise.all([startTestGateway(redis.url), startTestGateway(redis.url)]);
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await redis[Symbol.asyncDispose]();
});

let stream = "";
let streams = 0;
beforeEach(() => {
  stream = `s${streams++}`;
});

const push = ({ ws }: TestGateway, query: string) =>
  connectSocket(`${ws}/data/${stream}/push?header=0&ack=1&${query}`);
const acks = async (socket: TestSocket, payloads: readonly string[]): Promise<unknown[]> => {
  for (const payload of payloads) socket.send(payload);
  const answers: unknown[] = [];
  for (const _ of payloads) answers.push(...JSON.parse(await socket.text()));
  return answers;
};
const stored = async () => {
  const answer = await request(`${one.http}/data/${stream}/entries?format=json&count=1000`);
  return (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
};
const known = () => dedupeRecordKey(`default:${stream}`);

test("entries resent through another gateway receive their original ids", async () => {
  await using first = await push(one, "dedupe=k");
  const ids = await acks(first, ["a", "b", "c"]);
  await using second = await push(other, "dedupe=k&dedupe_from=1");
  const again = await acks(second, ["b", "c", "d"]);
  expect(again.slice(0, 2)).toEqual(ids.slice(1));
  expect(await stored()).toEqual([...ids, again[2]].map((id, i) => ({ id, text: ["a", "b", "c", "d"][i] })));
});

test("also while the first connection still stores them", async () => {
  const payloads = Array.from({ length: 200 }, (_, i) => String(i));
  await using first = await push(one, "dedupe=k");
  await using second = await push(other, "dedupe=k");
  const [ids, again] = await Promise.all([acks(first, payloads), acks(second, payloads)]);
  expect(again).toEqual(ids);
  expect((await stored()).map(({ text }) => text)).toEqual(payloads);
});

test("another key, another stream and no key are different entries", async () => {
  await using first = await push(one, "dedupe=k");
  await using second = await push(one, "dedupe=l");
  await using third = await push(one, "");
  for (const socket of [first, second, third]) await acks(socket, ["a"]);
  expect((await stored()).map(({ text }) => text)).toEqual(["a", "a", "a"]);
  await using batches = await connectSocket(`${one.ws}/data/x/push?format=json&ack=1&dedupe=k`);
  batches.send(JSON.stringify([`${stream}b`, `${stream}c`].map((to) => [to, null, "x"])));
  expect(new Set(JSON.parse(await batches.text())).size).toBeGreaterThan(0);
  for (const to of ["b", "c"]) expect(await redis.control.call("XLEN", `default:${stream}${to}`)).toBe(1);
});

test("live readers receive each entry once and in order, between entries of others", async () => {
  await using reader = await startReader(one.ws, stream, "json");
  await using plain = await push(one, "");
  await using far = await push(other, "");
  for (let round = 0; round < 20; round++) {
    await using deduped = await push(one, `dedupe=k&dedupe_from=${round}`);
    // The first entry is the last one of the previous round.
    await Promise.all([
      acks(deduped, [`d${round}`, `d${round + 1}`]),
      acks(plain, [`p${round}`, `q${round}`]),
      acks(far, [`f${round}`]),
    ]);
  }
  const entries = await stored();
  expect(entries.filter(({ text }) => text.startsWith("d"))).toHaveLength(21);
  await until("the reader has all", () => reader.entries.length >= entries.length);
  expect(reader.entries).toEqual(entries);
});

test("a repeated request receives the response of the first one", async () => {
  const post = (gateway: TestGateway) =>
    request(`${gateway.http}/data/${stream}?dedupe=k&dedupe_from=7`, { method: "POST", body: "x" });
  const first = await post(one);
  expect((await post(other)).json()).toEqual(first.json());
  expect(await stored()).toHaveLength(1);
});

test("does not remember rejected entries", async () => {
  await redis.control.call("SET", `default:${stream}`, "no stream");
  await using first = await push(one, "dedupe=k");
  expect(await acks(first, ["a"])).toEqual([expect.objectContaining({ code: "WRONG_TYPE" })]);
  await redis.control.call("DEL", `default:${stream}`);
  await using second = await push(one, "dedupe=k");
  expect(await acks(second, ["a"])).toEqual([expect.stringMatching(/^\d+-0$/)]);
});

test("does not confuse streams with similar names", async () => {
  const post = async (device: string, id: string, key: string) => {
    const query = `device_id=${encodeURIComponent(device)}&dedupe=${key}&dedupe_from=0`;
    const path = `/data/${encodeURIComponent(id)}?${query}`;
    return (await request(`${one.http}${path}`, { method: "POST", body: "x" })).json() as string[];
  };
  // One name contains the braces of a hash tag, the other does not.
  const [first] = await post(`{${stream}`, "front}:run", "7");
  const [second] = await post(stream, "front", "run:7");
  expect(await redis.control.call("XLEN", `${stream}:front`)).toBe(1);
  expect([first, second]).toEqual([expect.stringMatching(/-0$/), expect.stringMatching(/-0$/)]);
});

test("keeps a bounded record per stream, however many dedupe keys there are", async () => {
  const key = `default:${stream}`;
  const store = (number: number, pusher: string) =>
    redis.control.call(
      ...dedupedCommand({ key, id: "*", data: Buffer.from("x"), dedupe: { key: pusher, number } }, []),
    );
  const first = await store(0, "first");
  for (let i = 0; i < DEDUPE_RECORDS + 2000; i += 1000)
    await Promise.all(
      Array.from({ length: 1000 }, (_, j) =>
        store(i + j < 11_000 ? i + j : 0, i + j < 11_000 ? "busy" : `pusher ${i + j}`),
      ),
    );
  const fields = Number(await redis.control.call("HLEN", known()));
  expect(fields).toBeLessThanOrEqual(DEDUPE_RECORDS * 3 + 2);
  expect(Number(await redis.control.call("MEMORY", "USAGE", known(), "SAMPLES", 0))).toBeLessThan(
    8 * 2 ** 20,
  );
  // Known entries are not stored again, and dropped entries of a known pusher are rejected.
  const length = await redis.control.call("XLEN", key);
  await store(10_999, "busy");
  await expect(store(1500, "busy")).rejects.toThrow("older than the numbers remembered");
  expect(await redis.control.call("XLEN", key)).toBe(length);
  expect(await store(0, "first")).not.toEqual(first);
});

test("keeps a limited record per key and rejects older entries", async () => {
  await using first = await push(one, "dedupe=k&dedupe_from=5");
  await acks(first, ["a"]);
  await using second = await push(one, `dedupe=k&dedupe_from=${DEDUPE_WINDOW + 5}`);
  await acks(second, ["b"]);
  expect(await redis.control.call("PTTL", known())).toBeGreaterThan(3_600_000);
  await using third = await push(one, "dedupe=k&dedupe_from=5");
  expect(await acks(third, ["a"])).toEqual([
    {
      error: `dedupe: the number is more than ${DEDUPE_WINDOW} below the highest one`,
      code: "DEDUPE_TOO_OLD",
    },
  ]);
  expect(await stored()).toHaveLength(2);
});

test.each([
  ["dedupe_from=1", "dedupe_from requires dedupe"],
  ["dedupe=k&dedupe_from=x", 'dedupe_from must be an integer between 0 and 4503599627370496, got "x"'],
  [`dedupe=${"k".repeat(201)}`, "dedupe must have at most 200 characters, got 201"],
])("%s is rejected", async (query, sentence) => {
  await using socket = await push(one, query);
  expect(await socket.closed).toEqual({ code: 1008, reason: `BAD_PARAMETER: ${sentence}` });
});

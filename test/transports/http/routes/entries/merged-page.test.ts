/** Pages of several streams that end in the present, while entries are appended between the reads of the streams. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { FIRST_ID, LAST_ID } from "../../../../../src/domain/streams/entry-id.ts";
import { parseRedisUrl } from "../../../../../src/redis/address/redis-url.ts";
import { createEntrySizes } from "../../../../../src/redis/read/entry-sizes.ts";
import { createStreamReader, type StreamReader } from "../../../../../src/redis/read/stream-reader.ts";
import { Connection } from "../../../../../src/redis/resp/connection.ts";
import { readMergedRange } from "../../../../../src/transports/http/routes/entries/merged-page.ts";
import { silent, startRedis, type TestRedis } from "../../../../support/redis/redis.ts";

let redis: TestRedis;
let reads: Connection;
let streamReader: StreamReader;
beforeAll(async () => {
  redis = await startRedis();
  reads = new Connection({
    address: parseRedisUrl(redis.url),
    logger: silent,
    name: "reads",
    waitMs: 10_000,
  });
  streamReader = createStreamReader({
    reads,
    largeReads: reads,
    sizes: createEntrySizes(),
    pageBytes: 10_000,
    answerBytes: 1_000_000,
  });
});
afterAll(async () => {
  reads.close();
  await redis[Symbol.asyncDispose]();
});

const streamOf = (key: string) => ({ key, name: key });
const add = (key: string, id: string) => redis.control.call("XADD", key, id, "d", "x");

/** Reads the first page of two streams. @param between runs after the first one was read, and before the second one is */
async function readPage(
  [first, second]: readonly [string, string],
  count: number,
  reverse: boolean,
  between: () => Promise<unknown>,
) {
  await redis.control.call("DEL", first, second, "new");
  let firstIsRead: () => void;
  const isRead = new Promise<void>((resolve) => {
    firstIsRead = resolve;
  });
  const { entries, isCut } = await readMergedRange(
    {
      streamReader: {
        readAfter: (...options) => streamReader.readAfter(...options),
        async readRange(key, ...options) {
          if (key === second) await isRead;
          const range = await streamReader.readRange(key, ...options);
          if (key === first) await between().then(firstIsRead);
          return range;
        },
      },
      streams: [first, second].map(streamOf),
      listAgain: async () => [first, second, "new"].map(streamOf),
      maxBytes: 1_000_000,
    },
    { start: FIRST_ID, end: LAST_ID, count, reverse },
  );
  return { ids: entries.map(({ stream, entry }) => `${stream} ${entry.id}`), isCut };
}

/** Adds entries to the stream that was read and to a new one, then one with a higher id to the other stream. */
function addLate(now: number) {
  let isFirst = true;
  return async () => {
    if (!isFirst) return;
    isFirst = false;
    for (const seq of [1, 3]) await add("a", `${now}-${seq}`);
    await add("new", `${now}-2`);
    await add("b", `${now}-4`);
    await add("a", `${now}-5`);
  };
}

test("includes entries of streams that were read before an entry with a higher id was stored", async () => {
  const now = Date.now();
  const page = await readPage(["a", "b"], 100, false, addLate(now));
  expect(page).toEqual({
    ids: [`a ${now}-1`, `new ${now}-2`, `a ${now}-3`, `b ${now}-4`],
    isCut: false,
  });
});

test("ends such a page after its number of entries, and continues on the next one", async () => {
  const now = Date.now();
  const page = await readPage(["a", "b"], 2, false, addLate(now));
  expect(page).toEqual({ ids: [`a ${now}-1`, `new ${now}-2`], isCut: true });
});

test("reads pages of the past, and with the newest entries first, only once", async () => {
  const past = await readPage(["a", "b"], 100, false, addLate(1000));
  expect(past.ids).toEqual(["b 1000-4"]);
  const now = Date.now();
  const newest = await readPage(["a", "b"], 100, true, addLate(now));
  expect(newest.ids).toEqual([`b ${now}-4`]);
});

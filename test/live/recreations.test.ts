/**
 * A stream is deleted and created again with ids that readers have passed. All of them receive a gap, also those that are
 * always behind and never live.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import type { Engine } from "../support/gateway/engine.ts";
import type { TestReader } from "../support/gateway/reader.ts";
import { until } from "../support/until.ts";
import { type EngineWithReaders, openReaders } from "./readers.ts";

let opened: EngineWithReaders;
let engine: Engine;
let read: EngineWithReaders["read"];

beforeEach(async () => {
  // Each page has one entry.
  opened = await openReaders(FIRST_ID, {
    recentBytes: 2 ** 20,
    pageBytes: 1,
    pageCacheBytes: 2 ** 20,
    answerBytes: 2 ** 20,
  });
  ({ engine, read } = opened);
});
afterEach(() => opened[Symbol.asyncDispose]());

const sees = (reader: TestReader, ...ids: readonly string[]) =>
  until(
    () => `${reader.seen("s")} is ${ids}`,
    () => reader.seen("s").join() === ids.join(),
  );

const add = async (...ids: readonly string[]) => {
  for (const id of ids) await opened.redis.control.call("XADD", "s", id, "d", `of ${id}`);
};

const recreate = (...ids: readonly string[]) =>
  opened.redis.control.call(
    "EVAL",
    "redis.call('DEL', KEYS[1]) for _, id in ipairs(ARGV) do redis.call('XADD', KEYS[1], id, 'd', 'new') end",
    "1",
    "s",
    ...ids,
  );

/** Returns the payloads of the entries that a reader received after its first frames. */
const textsAfter = (reader: TestReader, frames: number) =>
  reader.frames
    .slice(frames)
    .flatMap((streams) =>
      streams.flatMap(({ entries }) => entries.map(({ data }) => Buffer.from(data).toString())),
    );

test.each([
  ["on demand", { awaitsAck: true, onDemand: { count: 2, latest: false } }],
  ["continuously", { awaitsAck: true }],
])("reports the gap to a reader that receives entries %s and is always behind", async (_, options) => {
  await add("1-0", "2-0", "3-0", "4-0", "5-0");
  const live = await read();
  await sees(live, "1-0", "2-0", "3-0", "4-0", "5-0");
  await until("the tail reads the stream", () => engine.counters.tailReads > 0);
  // With this entry the tail has the facts that show a new stream.
  await add("6-0");
  await sees(live, "1-0", "2-0", "3-0", "4-0", "5-0", "6-0");
  const late = await read(options);
  await until("it receives the first entries", () => late.seen("s").length > 0);
  const [cursor = ""] = late.subscription.cursors();
  const { length } = late.frames;
  await recreate("1-0", "2-0", "3-0", "4-0", "5-0", "6-0", "7-0");
  await sees(live, "1-0", "2-0", "3-0", "4-0", "5-0", "6-0", "7-0");
  expect(live.reportedGaps).toEqual([{ stream: "s", after: "0-0", before: "6-1" }]);
  late.release();
  await until("it has all", () => late.seen("s").at(-1) === "7-0");
  expect(late.reportedGaps).toEqual([{ stream: "s", after: "0-0", before: cursor.replace("-0", "-1") }]);
  // Also not from pages that were cached before.
  expect(new Set(textsAfter(late, length))).toEqual(new Set(["new"]));
});

test("reports the gap to a paused reader of a stream that the gateway watches only since then", async () => {
  await add("1-0", "2-0", "3-0");
  const late = await read({ awaitsAck: true, onDemand: { count: 2, latest: false } });
  await sees(late, "1-0", "2-0");
  const live = await read();
  await sees(live, "1-0", "2-0", "3-0");
  await until("the tail reads the stream", () => engine.counters.tailReads > 0);
  await add("4-0");
  await sees(live, "1-0", "2-0", "3-0", "4-0");
  await recreate("1-0", "2-0", "3-0", "4-0", "5-0");
  await sees(live, "1-0", "2-0", "3-0", "4-0", "5-0");
  late.release();
  await sees(late, "1-0", "2-0", "3-0", "4-0", "5-0");
  expect(late.reportedGaps).toEqual([{ stream: "s", after: "0-0", before: "2-1" }]);
});

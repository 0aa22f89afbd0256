/** Background subscriptions: how they yield to clients, and when they do not. */
import { describe, expect, it } from "vitest";
import { ClientActivity } from "../../src/domain/scheduling/client-activity.ts";
import { type EntryId, FIRST_ID, idAtTime } from "../../src/domain/streams/entry-id.ts";
import { BackgroundPace } from "../../src/live/background/pace.ts";
import { BackgroundReads, BackgroundStream } from "../../src/live/background/reads.ts";
import { createBatch } from "../../src/live/batch.ts";
import { createCounters } from "../../src/observe/counters.ts";
import type { TestReader } from "../support/gateway/reader.ts";
import { until } from "../support/until.ts";
import { openReaders } from "./readers.ts";

const MIB = 1024 * 1024;
const HOUR = 3_600_000;

/** A page of a stream after a cursor. */
function pageOf(bytes: number, { cursor = FIRST_ID, oldest }: { cursor?: EntryId; oldest?: EntryId } = {}) {
  const entries = [{ id: idAtTime(1_000_000), data: new Uint8Array(bytes - 1024) }];
  return {
    ...{ batch: createBatch("s", cursor, entries, idAtTime(1_000_000)), oldest },
    ...{ isLast: false, hasGap: false, isGone: false },
  };
}

/** Returns the delay of a stream after a page. */
function delayAfter(stream: BackgroundStream, cursor: EntryId, page: ReturnType<typeof pageOf>): number {
  stream.arrived(page, cursor);
  return stream.delay;
}

/** A pace with the clock of a test, while clients are served. */
function openPace() {
  const time = { now: 0 };
  const now = () => time.now;
  const activity = new ClientActivity(now);
  const counters = createCounters();
  const pace = new BackgroundPace({ activity, counters, now, date: () => 2_000_000 });
  activity.received();
  return { time, activity, counters, pace };
}

describe("the pace", () => {
  it("is 32 MiB/s for all subscriptions together while clients are served", () => {
    const { time, activity, pace } = openPace();
    const delays = () =>
      [new BackgroundReads(pace), new BackgroundReads(pace)].map((reads) =>
        delayAfter(new BackgroundStream(reads), FIRST_ID, pageOf(MIB)),
      );
    expect(delays()).toEqual([1000 / 32, 2000 / 32]);
    time.now += 1000;
    activity.received();
    expect(delays()).toEqual([1000 / 32, 2000 / 32]);
    time.now += 1000;
    expect(delays()).toEqual([0, 0]);
  });

  it("adds twice what clients store", () => {
    const { time, activity, pace } = openPace();
    activity.stored(16 * MIB - 1024);
    time.now += 1000;
    activity.received();
    const delay = delayAfter(new BackgroundStream(new BackgroundReads(pace)), FIRST_ID, pageOf(MIB));
    expect(delay).toBe(1000 / 64);
  });

  it("is faster than clients store small entries", () => {
    const { time, activity, pace } = openPace();
    const perSecond = 100_000;
    for (let i = 0; i < perSecond; i++) activity.stored(10);
    time.now += 1000;
    activity.received();
    expect(pace.delayAfter(10 * perSecond, perSecond)).toBeLessThan(1000);
  });

  it("is full for a subscription that hurries, and after the last page", () => {
    const { pace } = openPace();
    const reads = new BackgroundReads(pace);
    expect(reads.maxEntries()).toBeLessThan(1000);
    expect(delayAfter(new BackgroundStream(reads), FIRST_ID, { ...pageOf(MIB), isLast: true })).toBe(0);
    reads.hurry();
    expect(delayAfter(new BackgroundStream(reads), FIRST_ID, pageOf(MIB))).toBe(0);
    expect(reads.maxEntries()).toBeUndefined();
  });

  it("is full while a stream is being trimmed close to the cursor", () => {
    const { pace } = openPace();
    const reads = new BackgroundReads(pace);
    const stream = new BackgroundStream(reads);
    const delayAt = (cursorMs: number, oldestMs: number) =>
      delayAfter(
        stream,
        idAtTime(cursorMs),
        pageOf(MIB, { cursor: idAtTime(cursorMs), oldest: idAtTime(oldestMs) }),
      );
    // Nothing is trimmed.
    expect(delayAt(1_000_000, 1_000_000)).toBeGreaterThan(0);
    // The stream spans 900 s, of which the last 90 are close.
    expect(delayAt(1_189_000, 1_100_000)).toBe(0);
    expect(delayAt(1_191_000, 1_100_000)).toBeGreaterThan(0);
  });

  it("is full for a trimmed stream whose next entries would be gone after the delay", () => {
    const { pace } = openPace();
    const reads = new BackgroundReads(pace);
    const [stream, trimmed] = [new BackgroundStream(reads), new BackgroundStream(reads)];
    const delayOf = (of: BackgroundStream, cursorMs: number, oldestMs: number) =>
      delayAfter(
        of,
        idAtTime(cursorMs),
        pageOf(MIB, { cursor: idAtTime(cursorMs), oldest: idAtTime(oldestMs) }),
      );
    delayOf(trimmed, 1_500_000, 1_000_000);
    // Other streams, which share the pace.
    for (let i = 0; i < 32 * 60; i++) delayOf(stream, 1_500_000, 1_000_000);
    // A minute later, 80 s of the stream are left before the cursor; and then 200 s.
    expect(delayOf(trimmed, 1_280_000, 1_200_000)).toBe(0);
    expect(delayOf(trimmed, 1_500_000, 1_300_000)).toBeGreaterThan(60_000);
  });

  it("is reported for a second", () => {
    const { time, pace } = openPace();
    const reads = new BackgroundReads(pace);
    expect(reads.isSlowed()).toBe(false);
    delayAfter(new BackgroundStream(reads), FIRST_ID, pageOf(32 * MIB));
    time.now += 1999;
    expect(reads.isSlowed()).toBe(true);
    time.now += 1;
    expect(reads.isSlowed()).toBe(false);
  });

  it("counts the time in which at least one stream of a subscription waits", async () => {
    const { time, counters, pace } = openPace();
    const [reads, others] = [new BackgroundReads(pace), new BackgroundReads(pace)];
    const rests = [reads.rest(HOUR)];
    time.now += 1000;
    rests.push(reads.rest(HOUR), reads.rest(HOUR));
    time.now += 1000;
    expect(counters.recordingDelaySeconds).toBe(1);
    rests.push(others.rest(HOUR));
    time.now += 1000;
    for (const { end } of rests) end();
    await Promise.all(rests.map(({ ended }) => ended));
    // Three seconds of one subscription, and one of the other.
    expect(counters.recordingDelaySeconds).toBe(4);
    time.now += 1000;
    reads.rest(HOUR).end();
    expect(counters.recordingDelaySeconds).toBe(4);
  });
});

describe("a background reader", () => {
  const ENTRIES = 2000;
  const BYTES = { recentBytes: 0, pageBytes: 2 ** 20, pageCacheBytes: 2 ** 24, answerBytes: 2 ** 24 };
  const ids = Array.from({ length: ENTRIES }, (_, i) => idAtTime(i + 1));

  it.each([
    ["slowly while clients are served", true],
    ["at full speed while none are", false],
  ])("receives all entries, %s, and keeps no page for others", async (_how, isServing) => {
    let now = 0;
    const activity = new ClientActivity(() => now);
    await using opened = await openReaders(FIRST_ID, { ...BYTES, activity });
    const { control } = opened.redis;
    await Promise.all(ids.map((id) => control.call("XADD", "s", id, "d", "x")));
    const { counters } = opened.engine;
    if (isServing) activity.received();
    else now += 1_000_000;
    const reader = await opened.read({ isBackground: true });
    await until(
      () => `${reader.seen("s").length} of ${ENTRIES} entries`,
      () => reader.seen("s").length >= ENTRIES,
    );
    expect(reader.seen("s")).toEqual(ids);
    expect(reader.gaps()).toBe(0);
    expect(counters.pageCacheBytes).toBe(0);
    expect(counters.recordingDelaySeconds > 0).toBe(isServing);
    // Short pages, so that none takes long.
    if (isServing) expect(counters.pagesRead).toBeGreaterThan(7);
    else expect(counters.pagesRead).toBeLessThan(4);
    // It does not count as a client itself.
    now += 1_000_000;
    expect(activity.isRecent()).toBe(false);
    await opened.read();
    await until("a client", () => activity.isRecent());
  });

  /** Starts a reader that waits for an hour after its first page. */
  async function openWaiting() {
    const activity = new ClientActivity(() => 0);
    const counters = createCounters();
    const backgroundPace = new BackgroundPace({ activity, counters });
    const opened = await openReaders(FIRST_ID, { ...BYTES, activity, backgroundPace });
    await Promise.all(ids.map((id) => opened.redis.control.call("XADD", "s", id, "d", "x")));
    activity.received();
    // Other recordings read so much.
    backgroundPace.delayAfter(3600 * 32 * MIB, 0);
    const reader = await opened.read({ isBackground: true });
    await until("a delay", () => reader.subscription.background?.isSlowed() === true);
    expect(reader.seen("s").length).toBeLessThan(ENTRIES);
    return { ...opened, reader, counters, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  }

  it("that hurries ends the delays of its streams, however long they are", async () => {
    await using opened = await openWaiting();
    const { reader } = opened;
    reader.subscription.background?.hurry();
    await until("all entries", () => reader.seen("s").length >= ENTRIES);
    expect(reader.seen("s")).toEqual(ids);
  });

  it.each([
    ["a stream is removed", (reader: TestReader) => reader.subscription.remove("s")],
    ["it is closed", (reader: TestReader) => reader.subscription.close()],
  ])("ends delays when %s", async (_when, end) => {
    await using opened = await openWaiting();
    const { reader, counters } = opened;
    const { length } = reader.seen("s");
    // A delay is counted when it ends.
    expect(counters.recordingDelaySeconds).toBe(0);
    end(reader);
    expect(counters.recordingDelaySeconds).toBeGreaterThan(0);
    expect(reader.seen("s")).toHaveLength(length);
  });
});

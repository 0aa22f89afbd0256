import { afterEach, expect, test, vi } from "vitest";
import type { Streamer } from "../../../client/browser.ts";
import { StreamerError } from "../../../client/errors.ts";
import { createPulledEntry, type PulledEntry } from "../../../client/reading/entry.ts";
import type { RangeOptions } from "../../../client/reading/history.ts";
import type { PullOptions } from "../../../client/reading/pull-options.ts";
import { Feed } from "../../../console/feed/feed.ts";
import { until } from "../../support/until.ts";

const entryOf = (n: number, gap = false): PulledEntry =>
  createPulledEntry({ stream: "s", id: `${n}-0`, data: new TextEncoder().encode(String(n)) }, gap);

/** A streamer over a list of entries; `live` yields the entries of a pull. */
function streamerOf(stored: readonly number[], live: () => AsyncGenerator<PulledEntry>) {
  const pulls: PullOptions[] = [];
  const reads = vi.fn();
  async function* entries(_stream: string, range: RangeOptions) {
    reads(range);
    const { start = "-", end = "+", reverse = false, count = Number.POSITIVE_INFINITY } = range;
    const numberOf = (bound: string) => Number.parseInt(bound.replace("(", ""), 10);
    const found = stored.filter(
      (n) =>
        (start === "-" || (start.startsWith("(") ? n > numberOf(start) : n >= numberOf(start))) &&
        (end === "+" || (end.startsWith("(") ? n < numberOf(end) : n <= numberOf(end))),
    );
    yield* (reverse ? found.toReversed() : found).slice(0, count).map((n) => entryOf(n));
  }
  const pull = (_streams: readonly string[], options: PullOptions) => {
    pulls.push(options);
    return live();
  };
  return { pulls, reads, streamer: { entries, pull } as unknown as Streamer };
}

async function* nothing(): AsyncGenerator<PulledEntry> {}
const idsOf = (feed: Feed) => feed.entries.value.map(({ timeMs }) => timeMs);
const feeds: Feed[] = [];
function open(streamer: Streamer): Feed {
  const feed = new Feed(streamer, "d:s");
  feeds.push(feed);
  return feed;
}
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.stop();
});

test("follows a stream from its recent entries and counts gaps", async () => {
  const { pulls, streamer } = streamerOf([1, 2, 3], async function* () {
    yield entryOf(4);
    yield entryOf(7, true);
  });
  const feed = open(streamer);
  feed.follow();
  await until("the entries", () => idsOf(feed).join() === "1,2,3,4,7");
  expect(pulls).toMatchObject([{ device: "", pattern: false, from: "3-0", latest: false }]);
  expect(feed.mode.value).toBe("live");
  expect(feed.gaps.value).toBe(1);
});

test("shows the entries up to a past moment, and those of a playback after them", async () => {
  const { streamer } = streamerOf([1, 2, 3, 4], nothing);
  const feed = open(streamer);
  await feed.showAt("3");
  expect(idsOf(feed)).toEqual([1, 2, 3]);
  expect(feed.mode.value).toBe("past");
  await feed.showAt("(3-0");
  expect(idsOf(feed)).toEqual([1, 2]);
  feed.receive(entryOf(3));
  feed.display();
  expect(idsOf(feed)).toEqual([1, 2, 3]);
  expect(feed.mode.value).toBe("playing");
});

test("shows the whole span of a past moment once the moment stays, and moves inside of it without a request", async () => {
  const stored = Array.from({ length: 3000 }, (_, n) => 1000 * (n + 1));
  const { reads, streamer } = streamerOf(stored, nothing);
  const feed = open(streamer);
  feed.setSpan(Number.POSITIVE_INFINITY);
  await feed.showAt("2500000");
  expect(idsOf(feed)).toHaveLength(500);
  await until("everything before it is shown", () => idsOf(feed).length === 2500);
  expect(idsOf(feed).at(-1)).toBe(2_500_000);
  await until("the later entries are known", () => feed.later.value.length === 500);
  // A moment inside of the span is shown without a request.
  const reading = reads.mock.calls.length;
  await feed.showAt("2000999");
  expect([idsOf(feed).length, idsOf(feed).at(-1)]).toEqual([2000, 2_000_000]);
  expect([feed.later.value.length, feed.later.value[0]?.timeMs]).toEqual([1000, 2_001_000]);
  await feed.showAt("2600000-0");
  expect([idsOf(feed).length, feed.later.value.length]).toEqual([2600, 400]);
  expect(reads.mock.calls.length).toBe(reading);
  feed.setSpan(60_000);
  await until("a minute is shown", () => idsOf(feed).length === 61);
  expect(idsOf(feed)[0]).toBe(2_540_000);
  await until("and the minute after it", () => feed.later.value.length === 60);
  await feed.showAt("1000000");
  feed.receive(entryOf(1_000_001));
  feed.display();
  expect(idsOf(feed).at(-1)).toBe(1_000_001);
  expect(feed.later.value).toEqual([]);
});

test("a span that is selected while a moment is read does not end that read", async () => {
  const { streamer } = streamerOf([1, 2, 3], nothing);
  const feed = open(streamer);
  const shown = feed.showAt("3");
  feed.setSpan(Number.POSITIVE_INFINITY);
  await shown;
  expect(idsOf(feed)).toEqual([1, 2, 3]);
});

test("reads a long range when it is paused, and only some seconds without a span", async () => {
  const stored = Array.from({ length: 3000 }, (_, n) => n + 1);
  const { reads, streamer } = streamerOf(stored, nothing);
  const feed = open(streamer);
  feed.follow();
  await until("the recent ones", () => idsOf(feed).length === 2000);
  feed.setSpan(Number.POSITIVE_INFINITY);
  feed.freeze();
  await until("all", () => idsOf(feed).length === 3000);
  feed.setSpan(undefined);
  const calls = reads.mock.calls.length;
  await feed.showAt("2000");
  // The newest entry, whose size decides, and the recent ones.
  expect(reads.mock.calls.length - calls).toBe(2);
  expect(idsOf(feed)).toHaveLength(500);
});

test("follows live from the newest entry after the past", async () => {
  const { pulls, streamer } = streamerOf([1, 2, 3], nothing);
  const feed = open(streamer);
  await feed.showAt("1");
  expect(pulls).toEqual([]);
  feed.follow();
  await until("the newest", () => idsOf(feed).join() === "1,2,3" && pulls.length === 1);
  expect(pulls[0]).toMatchObject({ from: "3-0" });
  // A second call changes nothing.
  feed.follow();
  expect(pulls).toHaveLength(1);
});

test("displays pending entries when paused and ignores later ones", async () => {
  let next: (() => void) | undefined;
  const { streamer } = streamerOf([1], async function* () {
    yield entryOf(2);
    await new Promise<void>((resolve) => {
      next = resolve;
    });
    yield entryOf(3);
  });
  const feed = open(streamer);
  feed.follow();
  await until("the loop waits", () => next !== undefined);
  feed.freeze();
  expect(feed.mode.value).toBe("frozen");
  expect(idsOf(feed)).toEqual([1, 2]);
  next?.();
  await new Promise(setImmediate);
  feed.display();
  expect(idsOf(feed)).toEqual([1, 2]);
});

test("reports a failed read and retries it if the error is retryable", async () => {
  const { streamer } = streamerOf([1], nothing);
  let attempts = 0;
  const failing = {
    ...streamer,
    entries(...args: Parameters<Streamer["entries"]>) {
      if (++attempts === 1) throw new StreamerError("UNREACHABLE", "cannot connect", { retryable: true });
      return streamer.entries(...args);
    },
  };
  const feed = open(failing);
  void feed.showAt("5");
  await until("the problem", () => feed.problem.value === "cannot connect");
  await until("the entries", () => idsOf(feed).join() === "1");
  expect(feed.problem.value).toBe("");
});

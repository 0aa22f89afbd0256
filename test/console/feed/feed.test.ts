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

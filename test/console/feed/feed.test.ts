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

/** A streamer over a list of entries; `live` yields what a pull receives. */
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
  const feed = new Feed(streamer, { stream: "s", device: "d" });
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
  feed.follow(false);
  await until("the entries", () => idsOf(feed).join() === "1,2,3,4,7");
  expect(pulls).toMatchObject([{ device: "d", from: "3-0", latest: false }]);
  expect(feed.mode.value).toBe("live");
  expect(feed.gaps.value).toBe(1);
});

test("steps back and forward from a past moment", async () => {
  const { streamer } = streamerOf([1, 2, 3, 4], nothing);
  const feed = open(streamer);
  feed.goTo(3);
  await until("the past", () => idsOf(feed).join() === "1,2,3");
  expect(feed.mode.value).toBe("past");
  feed.step(-1);
  expect(idsOf(feed)).toEqual([1, 2]);
  feed.step(1);
  await until("the next entry", () => idsOf(feed).join() === "1,2,3");
});

test("plays to the newest entry, then follows live", async () => {
  const { pulls, streamer } = streamerOf([1, 2, 3], nothing);
  const feed = open(streamer);
  feed.goTo(1);
  await until("the past", () => idsOf(feed).join() === "1");
  feed.speed.value = 8;
  feed.play();
  expect(feed.mode.value).toBe("playing");
  await until("live again", () => feed.mode.value === "live" && pulls.length === 1);
  expect(idsOf(feed)).toEqual([1, 2, 3]);
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
  feed.follow(false);
  await until("the loop waits", () => next !== undefined);
  feed.pause();
  expect(feed.mode.value).toBe("paused");
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
  feed.goTo(5);
  await until("the problem", () => feed.problem.value === "cannot connect");
  await until("the entries", () => idsOf(feed).join() === "1");
  expect(feed.problem.value).toBe("");
});

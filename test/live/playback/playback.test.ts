/** Playback on a fake clock: sends the entries of the range in order, each when it is due (docs/protocol.md, "Playback"). */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMemoryBudget } from "../../../src/access/limits/memory-budget.ts";
import type { StreamEntries } from "../../../src/domain/streams/entry.ts";
import {
  compareIds,
  type EntryId,
  FIRST_ID,
  idAtTime,
  LAST_ID,
  timeOfId,
} from "../../../src/domain/streams/entry-id.ts";
import type { Reservation } from "../../../src/live/sink.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";
import { Player } from "./player.ts";

let redis: TestRedis;
let runs = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const newKey = (): string => `playback-${runs++}`;
const id = (text: string) => text as EntryId;

async function store(key: string, ids: readonly string[], bytes = 10): Promise<void> {
  const data = Buffer.alloc(bytes, "x");
  await Promise.all(ids.map((one) => redis.control.call("XADD", key, one, "d", data)));
}

/** A stream with an entry every 10 ms from 1000. */
async function storeSteady(entries: number, bytes = 10): Promise<string> {
  const key = newKey();
  await store(
    key,
    Array.from({ length: entries }, (_, i) => `${1000 + 10 * i}-0`),
    bytes,
  );
  return key;
}

/** Encodes a frame as one slice: it is written in a later microtask. */
function* inOneSlice(streams: readonly StreamEntries[]): Generator<void, readonly StreamEntries[]> {
  yield;
  return streams;
}

/** Encodes frames in slices while it is closed. */
class Gate {
  isOpen = false;

  readonly encodeSteps = function* (
    this: Gate,
    streams: readonly StreamEntries[],
  ): Generator<void, readonly StreamEntries[]> {
    while (!this.isOpen) yield;
    return streams;
  }.bind(this);
}

/** Memory of one client, and of another one that uses it up. */
function openMemory(totalBytes: number) {
  const budget = createMemoryBudget({
    ...{ uses: ["answer"], totalBytes, shareBytes: totalBytes, smallBytes: 0, waitMs: 60_000 },
  });
  return { budget, own: budget.open("answer", "own"), other: budget.open("answer", "other") };
}

/** Memory whose limit a test changes. */
class Room implements Reservation {
  #limit = 2 ** 20;
  #used = 0;
  #waiting: { readonly bytes: number; readonly onGrant: (granted: boolean) => void } | undefined;

  grow(limit: number): void {
    this.#limit = limit;
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.bytes > limit) return;
    this.#waiting = undefined;
    this.#used = waiting.bytes;
    waiting.onGrant(true);
  }

  bytes(): number {
    return this.#used;
  }

  set(bytes: number): void {
    this.#used = bytes;
  }

  tryGrow(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  whenRoom(bytes: number, onGrant: (granted: boolean) => void): void {
    this.#waiting = { bytes, onGrant };
  }

  release(): void {
    this.#waiting = undefined;
    this.#used = 0;
  }
}

const streamIds = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1000, max: 1400 }), fc.nat(2)), {
    selector: ([ms, seq]) => `${ms}-${seq}`,
    maxLength: 40,
  })
  .map((parts) => parts.map(([ms, seq]) => id(`${ms}-${seq}`)).sort(compareIds));

test("sends the range in order, each entry when it is due", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        streams: fc.array(streamIds, { minLength: 1, maxLength: 3 }),
        rate: fc.constantFrom(0, 0.1, 0.5, 1, 3, 100),
        start: fc.integer({ min: 990, max: 1200 }),
        length: fc.option(fc.nat(300)),
        bytes: fc.constantFrom(1, 200, 3000),
        pageBytes: fc.constantFrom(1024, 16_384),
        count: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        inSlices: fc.boolean(),
      }),
      async ({ streams, rate, start, length, bytes, pageBytes, count, inSlices }) => {
        const keys = streams.map(newKey);
        await Promise.all(streams.map((ids, i) => store(keys[i] ?? "", ids, bytes)));
        const range = {
          start: idAtTime(start),
          end: length === null ? LAST_ID : id(`${start + length}-9`),
        };
        using player = new Player(redis.url, keys, {
          ...{ ...range, rate, pageBytes },
          ...(count !== undefined && { count }),
          ...(inSlices && { encodeSteps: inOneSlice }),
        });
        await player.play();
        const expected = streams
          .flatMap((ids, i) => ids.map((one) => ({ stream: keys[i] ?? "", id: one, position: i })))
          .filter((one) => compareIds(one.id, range.start) >= 0 && compareIds(one.id, range.end) <= 0)
          .sort((a, b) => compareIds(a.id, b.id) || a.position - b.position);
        expect(player.sent.map(({ stream, id: one }) => `${stream} ${one}`)).toEqual(
          expected.map(({ stream, id: one }) => `${stream} ${one}`),
        );
        if (rate > 0)
          for (const { id: one, at } of player.sent) {
            const due = (timeOfId(one) - start) / rate;
            expect(at).toBeLessThanOrEqual(due + 1);
            expect(at).toBeGreaterThanOrEqual(due - 5);
          }
        expect(player.status).toBe("ended");
        expect(player.errors).toEqual([]);
        expect(player.counters.gaps).toBe(0);
        expect(player.timers.size).toBe(0);
        await redis.control.call("DEL", ...keys);
      },
    ),
    { numRuns: 60, endOnFailure: true },
  );
});

test("sends the present in order, although other streams get entries of the same millisecond later", async () => {
  const [a, b] = [newKey(), newKey()];
  const now = Date.now();
  await store(a, [`${now}-5`]);
  using player = new Player(redis.url, [a, b], { rate: 0 });
  // Both streams have been read, and `b` was empty.
  await player.settle();
  await store(b, [`${now}-2`]);
  await player.play();
  expect(player.ids).toEqual([`${now}-2`, `${now}-5`]);
  expect(player.status).toBe("ended");
  expect(player.timers.size).toBe(0);
});

test("sends an entry whose time is in the future, although another stream is empty", async () => {
  const [a, b] = [newKey(), newKey()];
  const future = `${Date.now() + 3_600_000}-0`;
  await store(a, [future]);
  using player = new Player(redis.url, [a, b], { rate: 0 });
  await player.play(10);
  expect(player.ids).toEqual([future]);
});

test("sends entries that are due within 4 ms as one batch", async () => {
  const [a, b] = [newKey(), newKey()];
  await store(a, ["1000-0", "1002-0", "1010-0"]);
  await store(b, ["1001-0", "1003-0"]);
  using player = new Player(redis.url, [a, b], { start: id("990-0") });
  await player.play();
  expect(player.frames).toBe(2);
  expect(player.ids).toEqual(["1000-0", "1001-0", "1002-0", "1003-0", "1010-0"]);
});

test("stops while paused, and continues where it was", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0") });
  await player.play(45);
  player.controls.pause();
  const before = player.ids.length;
  await player.play(10_000);
  expect(player.ids.length).toBe(before);
  expect(player.states.at(-1)).toEqual({ status: "paused", time: 1045, rate: 1, seek: 0 });
  player.controls.play(2);
  await player.play();
  expect(player.ids).toEqual(Array.from({ length: 20 }, (_, i) => `${1000 + 10 * i}-0`));
  expect(player.sent.at(-1)?.at).toBeCloseTo(10_000 + (1190 - 1045) / 2, -1);
});

test("continues at the time of a seek, and counts it", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0"), end: id("1190-0") });
  await player.play(15);
  player.controls.seek(id("1170-0"));
  await player.play();
  expect(player.ids).toEqual(["1000-0", "1010-0", "1170-0", "1180-0", "1190-0"]);
  player.controls.seek(id("1180-0"));
  expect(player.states.at(-1)).toMatchObject({ status: "playing", time: 1180, seek: 2 });
  await player.play();
  expect(player.ids.slice(5)).toEqual(["1180-0", "1190-0"]);
  expect(() => player.controls.seek(id("1191-0"))).toThrow(/seek must be between 1000-0 and 1190-0/);
  expect(() => player.controls.seek(id("999-0"))).toThrow(/seek must be between/);
});

test("steps to the next and the previous entry of each stream", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0") });
  await player.play(25);
  expect(player.ids).toEqual(["1000-0", "1010-0", "1020-0"]);
  player.controls.step(1);
  await player.settle();
  expect(player.ids.slice(3)).toEqual(["1030-0"]);
  player.controls.step(-1);
  player.controls.step(-1);
  await player.play(100);
  expect(player.ids.at(-1)).toBe("1010-0");
  player.controls.step(-50);
  await player.play(200);
  expect(player.ids.at(-1)).toBe("1000-0");
  expect(player.states.at(-1)).toMatchObject({ status: "paused", time: 1000 });
  const before = player.ids.length;
  player.controls.play();
  await player.play();
  expect(player.ids.slice(before)).toEqual(Array.from({ length: 19 }, (_, i) => `${1010 + 10 * i}-0`));
});

test("sends an entry for each step, also if they are requested together", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0") });
  for (const steps of [1, 1, 1, 3, -1, 1]) player.controls.step(steps);
  await player.play(100);
  expect(player.ids).toEqual(["1000-0", "1010-0", "1020-0", "1050-0", "1040-0", "1050-0"]);
});

test("does not skip to entries that another stream may still precede", async () => {
  const keys = [newKey(), newKey()];
  const now = Date.now();
  const at = (offset: number) => `${now + offset}-0`;
  await store(keys[0] ?? "", [at(-5000), at(-4000), at(-100)]);
  await store(keys[1] ?? "", [at(-4500)]);
  using player = new Player(redis.url, keys, { start: id(at(-5000)), latest: true, count: 1 });
  player.block();
  await player.play(5000);
  expect(player.ids).toEqual([at(-5000)]);
  player.drain();
  await player.settle();
  expect(player.ids.slice(1, 3)).toEqual([at(-4500), at(-4000)]);
});

test("the clock waits for a slow client", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0") });
  await player.play(45);
  player.block();
  await player.play(5000);
  expect(player.ids.at(-1)).toBe("1050-0");
  expect(player.status).toBe("buffering");
  player.drain();
  await player.play(5005);
  expect(player.ids.at(-1)).toBe("1060-0");
  expect(player.status).toBe("playing");
  await player.play();
  expect(player.ids.length).toBe(20);
  expect(player.sent.at(-1)?.at).toBeCloseTo(5000 + 130, -1);
});

test("with latest the clock runs on, and entries are skipped", async () => {
  const key = await storeSteady(200, 300);
  using player = new Player(redis.url, [key], {
    start: id("1000-0"),
    latest: true,
    count: 1,
    pageBytes: 1024,
  });
  await player.play(45);
  player.block();
  await player.play(1000);
  expect(player.ids.at(-1)).toBe("1050-0");
  player.drain();
  await player.settle();
  expect(player.ids.at(-1)).toBe("2000-0");
  await player.play();
  expect(player.ids.slice(6)).toEqual(Array.from({ length: 100 }, (_, i) => `${2000 + 10 * i}-0`));
  expect(player.sent.at(-1)?.at).toBeCloseTo(1990, -1);
});

test("skips to the newest entries of all streams, in the order of their ids", async () => {
  const keys = [await storeSteady(50), newKey()];
  await store(
    keys[1] ?? "",
    Array.from({ length: 50 }, (_, i) => `${1005 + 10 * i}-0`),
  );
  using player = new Player(redis.url, keys, { start: id("1000-0"), latest: true, count: 2 });
  player.block();
  await player.play(300);
  player.drain();
  await player.settle();
  expect(player.ids).toEqual(["1000-0", "1285-0", "1290-0", "1295-0", "1300-0"]);
});

test("starts again with loop", async () => {
  const key = await storeSteady(3);
  using player = new Player(redis.url, [key], { start: id("1000-0"), loop: true });
  await player.play(300);
  expect(player.ids.slice(0, 6)).toEqual(["1000-0", "1010-0", "1020-0", "1000-0", "1010-0", "1020-0"]);
  expect(player.states.at(-1)?.seek).toBeGreaterThan(0);
});

test("becomes live at the end without a gap or a repeat, and returns to the past", async () => {
  const key = await storeSteady(5);
  using player = new Player(redis.url, [key, newKey()], { rate: 0 });
  await player.play();
  expect(player.status).toBe("ended");
  await store(key, ["2000-0"]);
  player.controls.live();
  await until("the entry after the end", () => player.ids.length === 6);
  await store(key, ["3000-0", "3001-0"]);
  await until("live entries", () => player.ids.length === 8);
  expect(player.ids.slice(5)).toEqual(["2000-0", "3000-0", "3001-0"]);
  expect(player.status).toBe("live");
  expect(player.counters.gaps).toBe(0);
  player.controls.seek(id("1040-0"));
  await player.play();
  expect(player.ids.slice(8)).toEqual(["1040-0", "2000-0", "3000-0", "3001-0"]);
  expect(player.errors).toEqual([]);
});

test("drops what a live read returns after the playback has returned to the past", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0") });
  await player.settle();
  player.controls.pause();
  player.controls.live();
  player.controls.seek(id("1170-0"));
  await player.settle();
  expect(player.ids).toEqual(["1000-0", "1170-0"]);
  await player.play();
  expect(player.ids).toEqual(["1000-0", "1170-0", "1180-0", "1190-0"]);
});

test("becomes live without a gap or a repeat at any moment, while others append", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(300),
      fc.boolean(),
      fc.array(fc.nat(3), { maxLength: 20 }),
      async (at, early, adds) => {
        const keys = [await storeSteady(20, 100), newKey()];
        using player = new Player(redis.url, keys, { start: id("1000-0"), pageBytes: 1024 });
        await player.play(at);
        let next = 5000;
        const append = () => store(keys[next % 2] ?? "", [`${next++}-0`]);
        if (early) for (const _ of adds) await append();
        player.controls.live();
        for (const turns of adds) {
          for (let i = 0; i < turns; i++) await new Promise(setImmediate);
          await append();
        }
        const stored = async (key: string) => {
          const reply = await redis.control.call("XRANGE", key, "-", "+");
          return Array.isArray(reply)
            ? reply.map((entry) => String(Array.isArray(entry) ? entry[0] : ""))
            : [];
        };
        const wanted = await Promise.all(keys.map(stored));
        const seen = () =>
          keys.map((key) => player.sent.filter(({ stream }) => stream === key).map((one) => one.id));
        await until("all entries", () => seen().flat().length >= wanted.flat().length);
        expect(seen()).toEqual(wanted);
        await redis.control.call("DEL", ...keys);
      },
    ),
    { numRuns: 30, endOnFailure: true },
  );
});

test("reports no gap before the first entry, but one that is trimmed while it plays", async () => {
  const key = await storeSteady(200, 300);
  using player = new Player(redis.url, [key], { start: id("900-0"), pageBytes: 1024 });
  await player.play(150);
  expect(player.counters.gaps).toBe(0);
  await redis.control.call("XTRIM", key, "MINID", "1500-0");
  await player.play();
  expect(player.counters.gaps).toBe(1);
  expect(player.ids.at(-1)).toBe("2990-0");
});

test("plays entries whose times are not exact numbers", async () => {
  const key = newKey();
  const ids = ["18446744073709551614-0", "18446744073709551614-5", "18446744073709551615-7"];
  await store(key, ids);
  for (const rate of [0, 1]) {
    using player = new Player(redis.url, [key], { rate });
    await player.play();
    expect(player.ids).toEqual(ids);
  }
});

test("drops a frame that is being encoded when the playback moves", async () => {
  const key = await storeSteady(20);
  for (const move of ["pause", "seek", "live", "remove"] as const) {
    const gate = new Gate();
    const { encodeSteps } = gate;
    using player = new Player(redis.url, [key], { start: id("1000-0"), encodeSteps });
    await until("a frame is being encoded", () => player.subscription.isEncoding());
    expect(player.ids).toEqual([]);
    if (move === "pause") player.controls.pause();
    else if (move === "seek") player.controls.seek(id("1100-0"));
    else if (move === "live") player.controls.live();
    else player.subscription.remove(key);
    gate.isOpen = true;
    await player.settle();
    if (move === "live") await until("live entries", () => player.ids.length === 20);
    const all = Array.from({ length: 20 }, (_, i) => `${1000 + 10 * i}-0`);
    expect(player.ids).toEqual({ pause: [], seek: ["1100-0"], live: all, remove: [] }[move]);
    if (move === "pause") {
      player.controls.play();
      await player.play();
      expect(player.ids).toEqual(all);
    }
  }
});

test("drops a frame whose encoding ends after a pause in the same turn", async () => {
  const key = await storeSteady(5);
  using player = new Player(redis.url, [key], { start: id("990-0"), encodeSteps: inOneSlice });
  await player.settle();
  player.timers.fireNext();
  player.controls.pause();
  await player.settle();
  expect(player.ids).toEqual([]);
});

test("drops steps that are not done when the playback continues, moves or becomes live", async () => {
  const key = await storeSteady(20);
  using player = new Player(redis.url, [key], { start: id("1000-0") });
  player.controls.step(10);
  player.controls.play(0);
  await player.play();
  const all = Array.from({ length: 20 }, (_, i) => `${1000 + 10 * i}-0`);
  expect(player.ids).toEqual(all);
  player.controls.step(-10);
  player.controls.seek(id("1170-0"));
  await player.settle();
  expect(player.ids).toEqual(all);
  player.controls.live();
  player.controls.seek(id("1180-0"));
  player.controls.play();
  await player.play();
  expect(player.ids.slice(20)).toEqual(all.slice(18));
});

test("reads no more at a time, however often the playback moves", async () => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => storeSteady(20)));
  using player = new Player(redis.url, keys, { start: id("1000-0") });
  await player.settle();
  player.controls.seek(id("1050-0"));
  // Reads begin in the next turn.
  await new Promise(setImmediate);
  const max = player.engine.readsInFlight();
  expect(max).toBe(10);
  for (let i = 0; i < 50; i++) player.controls.seek(id(`${1000 + i}-0`));
  for (let i = 0; i < 50; i++) player.controls.step(i % 2 === 0 ? 100 : -100);
  player.controls.seek(id("1100-0"));
  await new Promise(setImmediate);
  expect(player.engine.readsInFlight()).toBeLessThanOrEqual(2 * max);
  await player.settle();
  player.controls.play();
  await player.play();
  expect(player.ids.slice(10)).toEqual(
    Array.from({ length: 100 }, (_, i) => `${1100 + 10 * Math.floor(i / 10)}-0`),
  );
});

test("steps to entries that are encoded in slices, and skips what fell due meanwhile", async () => {
  const key = await storeSteady(20);
  const gate = new Gate();
  gate.isOpen = true;
  using player = new Player(redis.url, [key], {
    ...{ start: id("1000-0"), latest: true, count: 1, encodeSteps: gate.encodeSteps },
  });
  player.controls.step(2);
  player.controls.step(1);
  await player.play(20);
  expect(player.ids).toEqual(["1010-0", "1020-0"]);
  gate.isOpen = false;
  player.controls.play();
  await until("all reads are answered", () => player.engine.readsInFlight() === 0);
  player.timers.fireNext();
  expect(player.subscription.isEncoding()).toBe(true);
  player.timers.moveTo(player.timers.now() + 55);
  gate.isOpen = true;
  await player.settle();
  expect(player.ids.slice(2)).toEqual(["1030-0", "1080-0"]);
});

test("waits for memory, also to encode a frame, and returns all of it", async () => {
  const keys = [await storeSteady(20, 2000), await storeSteady(20, 2000)];
  const memory = openMemory(32_000);
  memory.other.set(32_000);
  using player = new Player(redis.url, keys, {
    ...{ start: id("1000-0"), rate: 0, pageBytes: 8192, count: 2 },
    ...{ memory: memory.own, encodeSteps: inOneSlice },
  });
  await player.settle();
  expect(player.subscription.isPaused()).toBe(true);
  // Commands while it waits do not make it wait twice.
  player.controls.play(1);
  player.controls.step(1);
  player.controls.play(0);
  await player.settle();
  expect(player.ids).toEqual([]);
  memory.other.set(20_000);
  await player.settle();
  memory.other.set(0);
  await until("all entries", () => player.ids.length === 40);
  expect(player.ids).toEqual(Array.from({ length: 40 }, (_, i) => `${1000 + 10 * (i >> 1)}-0`));
  await player.settle();
  expect(player.status).toBe("ended");
  expect(memory.own.bytes()).toBe(0);
});

test("reads entries again if there is no memory to encode them when they are due", async () => {
  const key = await storeSteady(20, 100);
  const memory = new Room();
  using player = new Player(redis.url, [key], { start: id("990-0"), memory, encodeSteps: inOneSlice });
  await player.settle();
  memory.grow(0);
  player.timers.fireNext();
  expect(player.subscription.isEncoding()).toBe(false);
  await player.settle();
  expect(player.subscription.isPaused()).toBe(true);
  memory.grow(2 ** 20);
  await player.play();
  expect(player.ids).toEqual(Array.from({ length: 20 }, (_, i) => `${1000 + 10 * i}-0`));
});

test("takes turns with other playbacks if there is not enough memory for all", async () => {
  const budget = createMemoryBudget({
    ...{ uses: ["answer"], totalBytes: 12_000, shareBytes: 12_000, smallBytes: 0, waitMs: 60_000 },
  });
  const key = await storeSteady(200, 1000);
  const players = Array.from(
    { length: 3 },
    () =>
      new Player(redis.url, [key], {
        ...{ start: id("1000-0"), pageBytes: 16_384, memory: budget.open("answer", "one client") },
      }),
  );
  for (let round = 0; round < 150; round++)
    for (const player of players) {
      player.timers.fireNext();
      await player.settle();
    }
  for (const player of players) expect(player.ids.length).toBeGreaterThan(20);
  for (const player of players) player[Symbol.dispose]();
  expect(budget.heldBytes()).toBe(0);
});

test("reads as far ahead as a second of the playback takes", async () => {
  const key = await storeSteady(2000, 100);
  const max: number[] = [];
  for (const rate of [0.1, 1, 10]) {
    const memory = openMemory(2 ** 20);
    using player = new Player(redis.url, [key], {
      ...{ start: id("1000-0"), rate, pageBytes: 2 ** 18, memory: memory.own },
    });
    await player.play(1000);
    max.push(memory.own.bytes());
    expect(player.errors).toEqual([]);
  }
  // 10, 100 and 1,000 entries a second, of more than 100 bytes, for up to one and a half seconds.
  const [slow = 0, usual = 0, fast = 0] = max;
  expect(slow).toBeLessThan(5_000);
  expect(usual).toBeLessThan(50_000);
  expect(usual).toBeGreaterThan(slow);
  expect(fast).toBeGreaterThan(usual);
});

test("holds memory for reads in flight after a seek, and returns it at the end", async () => {
  const key = await storeSteady(100, 1000);
  const memory = openMemory(2 ** 20);
  const player = new Player(redis.url, [key], {
    ...{ start: id("1000-0"), pageBytes: 8192, memory: memory.own },
  });
  await player.settle();
  expect(memory.own.bytes()).toBeGreaterThan(0);
  player.controls.seek(id("1500-0"));
  player.controls.seek(id("1600-0"));
  await player.settle();
  expect(player.ids).toEqual(["1000-0", "1600-0"]);
  player.controls.seek(id("1700-0"));
  player.controls.pause();
  await player.settle();
  expect(memory.own.bytes()).toBe(0);
  player.controls.play();
  player.subscription.close();
  expect(memory.own.bytes()).toBe(0);
  await player.settle();
  expect(memory.budget.heldBytes()).toBe(0);
  player[Symbol.dispose]();
});

test("has no timer and no read after it is closed", async () => {
  const key = await storeSteady(20);
  const player = new Player(redis.url, [key], { start: FIRST_ID });
  await player.play(45);
  player.subscription.close();
  expect(player.timers.size).toBe(0);
  player[Symbol.dispose]();
});

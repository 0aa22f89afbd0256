/** Readers whose code throws an exception: they end with an error, and the others of the stream miss nothing. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { GatewayError } from "../../src/domain/errors.ts";
import type { StreamEntries } from "../../src/domain/streams/entry.ts";
import { FIRST_ID, LAST_ID } from "../../src/domain/streams/entry-id.ts";
import type { SubscriptionOptions } from "../../src/live/subscription.ts";
import { createCounters } from "../../src/observe/counters.ts";
import { until } from "../support/until.ts";
import { type EngineWithReaders, openReaders } from "./readers.ts";

type Frame = readonly StreamEntries[];
type Options = SubscriptionOptions<Frame>;

let opened: EngineWithReaders;

beforeEach(async () => {
  opened = await openReaders(FIRST_ID, {
    recentBytes: 2 ** 20,
    pageBytes: 2 ** 20,
    pageCacheBytes: 0,
    answerBytes: 2 ** 26,
  });
});
afterEach(() => opened[Symbol.asyncDispose]());

/** Starts a reader one of whose functions throws while it is armed. */
function startFaulty(where: (typeof PLACES)[number], delivery: Partial<Options>) {
  const counters = createCounters();
  const errors: GatewayError[] = [];
  const reader = { isArmed: false, isCaughtUp: false, counters, errors };
  const at = (place: typeof where): void => {
    if (reader.isArmed && place === where) throw new Error(`a fault in ${place}`);
  };
  const options: Options = {
    streams: [{ key: "s", name: "s", cursor: FIRST_ID, isAtEnd: false }],
    encoder: {
      encode(streams) {
        at("encode");
        return streams;
      },
      *encodeSteps(streams): Generator<void, Frame> {
        yield;
        at("encodeSteps");
        return streams;
      },
    },
    sink: {
      write: () => at("write"),
      isFull() {
        at("isFull");
        return false;
      },
      whenDrained: () => undefined,
    },
    onFrame: () => at("onFrame"),
    onCaughtUp() {
      reader.isCaughtUp = true;
      at("onCaughtUp");
    },
    onError(error) {
      errors.push(error);
      throw new Error("a fault in onError");
    },
    ...delivery,
  };
  return Object.assign(reader, { subscription: opened.engine.subscriber(counters)(options) });
}

const PLACES = ["encode", "encodeSteps", "write", "isFull", "onFrame", "onCaughtUp"] as const;

const DELIVERIES: Readonly<Record<string, Partial<Options>>> = {
  continuous: {},
  "on demand": { onDemand: { count: 1, latest: false } },
  latest: { onDemand: { count: 1, latest: true } },
  playback: { playback: { start: FIRST_ID, end: LAST_ID, rate: 0, loop: false, latest: false } },
};

const CASES = Object.keys(DELIVERIES)
  .flatMap((delivery) =>
    PLACES.flatMap((place) =>
      (["history", "live"] as const).map((phase) => [delivery, place, phase] as const),
    ),
  )
  .filter(
    ([delivery, place, phase]) =>
      // A continuous reader does not encode in steps, and a playback of the past does not become live.
      !(delivery === "continuous" && place === "encodeSteps") &&
      !(delivery === "continuous" && place === "onCaughtUp" && phase === "live") &&
      !(delivery === "playback" && (phase === "live" || place === "onCaughtUp")) &&
      // The other deliveries encode in steps where they can.
      !(delivery !== "continuous" && place === "encode"),
  );

/** Stores entries one after the other. */
async function store(...texts: readonly string[]): Promise<void> {
  for (const text of texts)
    await new Promise<void>((resolve) =>
      opened.engine.append([{ key: "s", id: "*", data: Buffer.from(text) }], () => resolve()),
    );
}

test.each(CASES)("%s: a fault in %s (%s) ends the reader, and others receive all", async (...of) => {
  const [delivery, place, phase] = of;
  const { engine, redis, read } = opened;
  await store("1", "2");
  const before = await read();
  await until("the first reader reads", () => before.seen("s").length === 2);
  const faulty = startFaulty(place, DELIVERIES[delivery] ?? {});
  if (phase === "history") faulty.isArmed = true;
  else await until("it is live", () => faulty.isCaughtUp);
  const after = await read();
  await until("the last reader reads", () => after.seen("s").length === 2);
  faulty.isArmed = true;
  await store("3", "4");
  await redis.control.call("XADD", "s", "*", "d", "5");
  await store("6");
  for (const reader of [before, after]) {
    await until("the others have all", () => reader.seen("s").length >= 6);
    expect(reader.seen("s").length).toBe(6);
    expect(reader.gaps()).toBe(0);
    expect(reader.errors).toEqual([]);
  }
  await until("it has ended", () => faulty.errors.length > 0);
  expect(faulty.errors.map(({ code }) => code)).toEqual(["INTERNAL"]);
  expect(faulty.counters.readers).toBe(0);
  // Its fault, and that of its `onError`.
  expect(faulty.counters.internalErrors + engine.counters.internalErrors).toBe(2);
  expect(engine.counters.redisReconnects).toBe(0);
});

test.each(["continuous", "on demand", "latest"])(
  "%s: a fault while it resumes ends the reader, and not the caller",
  async (name) => {
    await store("1");
    const faulty = startFaulty("write", { ...DELIVERIES[name], encoder: { encode: (streams) => streams } });
    await until("it is live", () => faulty.isCaughtUp);
    faulty.subscription.pause("rate-limit");
    await store("2");
    await until("the hub has it", () => opened.engine.hub.progress("s")?.entries === 1);
    faulty.isArmed = true;
    expect(() => faulty.subscription.resume("rate-limit")).not.toThrow();
    expect(faulty.errors.map(({ code }) => code)).toEqual(["INTERNAL"]);
  },
);

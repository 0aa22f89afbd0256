import { expect, test } from "vitest";
import type { Entry } from "../../../../src/domain/streams/entry.ts";
import { idAtTime } from "../../../../src/domain/streams/entry-id.ts";
import { ReadyEntries } from "../../../../src/transports/graphql/execution/ready-entries.ts";
import { collectGarbage } from "../../../support/node/garbage.ts";
import { eventLoopTurns } from "../../../support/until.ts";

const entry = (id: number): Entry => ({ id: idAtTime(id), data: new Uint8Array(1000) });

/** A queue with one entry an event, and the bytes that it holds. */
function open() {
  const held = { bytes: 0 };
  const lease = {
    set: (bytes: number) => {
      held.bytes = bytes;
    },
  };
  return { held, ready: new ReadyEntries(lease, { count: 1, latest: false, highWaterBytes: 10_000 }) };
}

test("returns entries as events in order, and holds memory only for those that wait", () => {
  const { held, ready } = open();
  ready.add([{ stream: "a", entries: [entry(1), entry(2)] }]);
  const full = held.bytes;
  expect(full).toBeGreaterThan(2000);
  expect(ready.take()?.entries.map(({ id }) => id)).toEqual(["1-0"]);
  expect(held.bytes).toBe(full / 2);
  expect(ready.take()?.entries.map(({ id }) => id)).toEqual(["2-0"]);
  expect(held.bytes).toBe(0);
  expect(ready.take()).toBeUndefined();
});

test("frees an event that was taken while others wait", async () => {
  const { ready } = open();
  // A function of its own, so that no variable of the test refers to the entry.
  const takeOne = () => {
    ready.add([{ stream: "a", entries: [entry(1), entry(2)] }]);
    return new WeakRef(ready.take()?.entries[0] ?? {});
  };
  const taken = takeOne();
  // A WeakRef keeps its target until the end of the turn.
  await eventLoopTurns(1);
  collectGarbage();
  expect(taken.deref()).toBeUndefined();
  expect(ready.take()?.entries[0]?.id).toBe("2-0");
});

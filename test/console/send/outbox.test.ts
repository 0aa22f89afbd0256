import { expect, test } from "vitest";
import { Meter } from "../../../console/send/sending/meter.ts";
import { Outbox } from "../../../console/send/sending/outbox.ts";

const entry = (value: number, size = 1) => new Uint8Array(size).fill(value);
const values = (outbox: Outbox) => {
  const found: (number | undefined)[] = [];
  for (let item = outbox.take(); item !== undefined; item = outbox.take()) found.push(item.data[0]);
  return found;
};

test("drops the oldest entries beyond its limit, and returns their number", () => {
  const outbox = new Outbox(10);
  expect([1, 2, 3].map((value) => outbox.add(entry(value, 4)))).toEqual([0, 0, 1]);
  expect([outbox.size, outbox.bytes]).toEqual([2, 8]);
  expect(outbox.add(entry(4, 10))).toBe(2);
  expect(values(outbox)).toEqual([4]);
  expect(outbox.bytes).toBe(0);
});

test("drops an entry that is larger than the limit", () => {
  const outbox = new Outbox(10);
  expect(outbox.add(entry(1, 11))).toBe(1);
  expect(outbox.bytes).toBe(0);
});

test("restores entries in their order", () => {
  const outbox = new Outbox(100);
  for (const value of [1, 2, 3, 4]) outbox.add(entry(value));
  const [first, second] = [outbox.take(), outbox.take()];
  if (first === undefined || second === undefined) throw new Error("it is empty");
  expect([outbox.restore(first), outbox.restore(second)]).toEqual([0, 0]);
  expect(values(outbox)).toEqual([1, 2, 3, 4]);
});

test("a restored entry gives way if there is no room", () => {
  const outbox = new Outbox(2);
  for (const value of [1, 2]) outbox.add(entry(value));
  const first = outbox.take();
  if (first === undefined) throw new Error("it is empty");
  outbox.add(entry(3));
  expect(outbox.restore(first)).toBe(1);
  expect(values(outbox)).toEqual([2, 3]);
});

test("measures entries and bytes per second over the last three seconds", () => {
  let now = 0;
  const meter = new Meter(() => now);
  for (now = 100; now <= 1000; now += 100) meter.add(50);
  now = 1000;
  expect(meter.rate).toEqual({ entries: 10, bytes: 500 });
  for (now = 1100; now <= 6000; now += 100) meter.add(50);
  now = 6000;
  expect(meter.rate).toEqual({ entries: 10, bytes: 500 });
  now = 9000;
  expect(meter.rate).toEqual({ entries: 0, bytes: 0 });
});

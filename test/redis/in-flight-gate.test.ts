/** Gate of large requests in flight. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { InFlightGate } from "../../src/redis/in-flight-gate.ts";
import { eventLoopTurns } from "../support/until.ts";

const MIB = 2 ** 20;

/** Reads that end when the test ends them. */
function open(gate: InFlightGate) {
  const ends: (() => void)[] = [];
  const started: number[] = [];
  const read = (number: number, bytes: number) =>
    gate.run(bytes, () => {
      started.push(number);
      return new Promise<number>((resolve) => {
        ends[number] = () => resolve(number);
      });
    });
  return { started, read, end: (number: number) => ends[number]?.() };
}

test("small reads pass while large ones wait, and large ones start in order", async () => {
  const { started, read, end } = open(new InFlightGate({ small: 64 * 1024, most: 4 * MIB }));
  const results = [3, 1, 3, 1].map((size, i) => read(i, size * MIB));
  const small = read(4, 1000);
  await eventLoopTurns(1);
  expect(started).toEqual([0, 1, 4]);
  end(0);
  expect(await results[0]).toBe(0);
  await eventLoopTurns(1);
  expect(started).toEqual([0, 1, 4, 2]);
  for (const i of [1, 2]) end(i);
  await eventLoopTurns(1);
  for (const i of [3, 4]) end(i);
  expect(await Promise.all([...results, small])).toEqual([0, 1, 2, 3, 4]);
});

test("a read larger than the limit is read alone", async () => {
  const { started, read, end } = open(new InFlightGate({ small: 64 * 1024, most: 4 * MIB }));
  const results = [50, 50].map((size, i) => read(i, size * MIB));
  await eventLoopTurns(1);
  expect(started).toEqual([0]);
  end(0);
  await eventLoopTurns(1);
  expect(started).toEqual([0, 1]);
  end(1);
  expect(await Promise.all(results)).toEqual([0, 1]);
});

test("all reads are done, although some fail", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.nat({ max: 8 * MIB }), fails: fc.boolean() }), { maxLength: 50 }),
      async (pages) => {
        const gate = new InFlightGate({ small: 64 * 1024, most: 4 * MIB });
        const results = await Promise.allSettled(
          pages.map(({ bytes, fails }) =>
            gate.run(bytes, async () => {
              await eventLoopTurns(1);
              if (fails) throw new Error("failed");
            }),
          ),
        );
        expect(results.map(({ status }) => status === "rejected")).toEqual(pages.map(({ fails }) => fails));
      },
    ),
  ));

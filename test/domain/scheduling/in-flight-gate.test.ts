/** Gate of large requests in flight. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { InFlightGate } from "../../../src/domain/scheduling/in-flight-gate.ts";
import { eventLoopTurns } from "../../support/until.ts";

const MIB = 2 ** 20;

/** Reads that end when the test ends them. */
function open(gate: InFlightGate) {
  const ends: (() => void)[] = [];
  const started: number[] = [];
  const read = (number: number, bytes: number | (() => number), client = "a") =>
    gate.run({
      client,
      size: typeof bytes === "number" ? () => bytes : bytes,
      send() {
        started.push(number);
        return new Promise<number>((resolve) => {
          ends[number] = () => resolve(number);
        });
      },
    });
  return { started, read, end: (number: number) => ends[number]?.() };
}

test("small reads pass while large ones wait, and large ones start in order", async () => {
  const { started, read, end } = open(new InFlightGate({ small: 64 * 1024, max: 4 * MIB }));
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
  const { started, read, end } = open(new InFlightGate({ small: 64 * 1024, max: 4 * MIB }));
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
        const gate = new InFlightGate({ small: 64 * 1024, max: 4 * MIB });
        const results = await Promise.allSettled(
          pages.map(({ bytes, fails }) =>
            gate.run({
              client: "a",
              size: () => bytes,
              async send() {
                await eventLoopTurns(1);
                if (fails) throw new Error("failed");
              },
            }),
          ),
        );
        expect(results.map(({ status }) => status === "rejected")).toEqual(pages.map(({ fails }) => fails));
      },
    ),
  ));

test("a client waits for one large read of each other client", async () => {
  const { started, read, end } = open(new InFlightGate({ small: 64 * 1024, max: 4 * MIB }));
  const results = [..."aaaa", ..."bbb", "c"].map((client, i) => read(i, 4 * MIB, client));
  const order = [0, 1, 4, 7, 2, 5, 3, 6];
  for (const [i, number] of order.entries()) {
    await eventLoopTurns(1);
    expect(started).toEqual(order.slice(0, i + 1));
    end(number);
  }
  await Promise.all(results);
});

test("a read that turns out large while it waits starts alone", async () => {
  const { started, read, end } = open(new InFlightGate({ small: 64 * 1024, max: 4 * MIB }));
  let bytes = MIB;
  const results = [read(0, 2 * MIB), read(1, 2 * MIB), read(2, () => bytes, "b")];
  bytes = 16 * MIB;
  end(0);
  await eventLoopTurns(1);
  expect(started).toEqual([0, 1]);
  end(1);
  await eventLoopTurns(1);
  expect(started).toEqual([0, 1, 2]);
  end(2);
  await Promise.all(results);
});

test("clients take turns, each in order, within the limit", () => {
  const large = fc.record({ bytes: fc.integer({ min: 100_000, max: 8 * MIB }), client: fc.nat({ max: 4 }) });
  const ends = fc.array(fc.nat({ max: 1000 }), { minLength: 60, maxLength: 60 });
  return fc.assert(
    fc.asyncProperty(fc.array(large, { maxLength: 40 }), ends, async (reads, picks) => {
      const gate = new InFlightGate({ small: 64 * 1024, max: 4 * MIB });
      const { started, read, end } = open(gate);
      const results = reads.map(({ bytes, client }, i) => read(i, bytes, String(client)));
      await eventLoopTurns(1);
      const firstWait = started.length;
      const running = new Set(started);
      for (let step = 0; running.size > 0; step++) {
        const inFlight = [...running].reduce((sum, i) => sum + (reads[i]?.bytes ?? 0), 0);
        expect(running.size === 1 || inFlight <= 4 * MIB).toBe(true);
        const picked = [...running][(picks[step % picks.length] ?? 0) % running.size] ?? 0;
        running.delete(picked);
        end(picked);
        const seen = started.length;
        await eventLoopTurns(1);
        for (const i of started.slice(seen)) running.add(i);
      }
      await Promise.all(results);
      expect(started.toSorted((a, b) => a - b)).toEqual(reads.map((_, i) => i));
      for (const client of new Set(reads.map((one) => one.client))) {
        const own = started.filter((i) => reads[i]?.client === client);
        expect(own).toEqual(own.toSorted((a, b) => a - b));
        // Between two starts of a waiting client, no other client starts twice.
        const waited = started.slice(firstWait);
        const at = waited.flatMap((i, place) => (reads[i]?.client === client ? [place] : []));
        for (const [n, place] of at.entries()) {
          const others = waited.slice(n === 0 ? 0 : (at[n - 1] ?? 0) + 1, place).map((i) => reads[i]?.client);
          expect(new Set(others).size).toBe(others.length);
        }
      }
    }),
  );
});

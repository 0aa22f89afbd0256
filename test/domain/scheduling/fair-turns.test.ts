/** Fair turns of the event loop. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { AcceptPressure } from "../../../src/domain/scheduling/accept-pressure.ts";
import { FairTurns } from "../../../src/domain/scheduling/fair-turns.ts";
import { until } from "../../support/until.ts";

/** Clock of the turns, ms. The real one also counts the time of other processes. */
let now = 0;

/** Takes the whole time of a turn. */
function work(): void {
  now += 6;
}

const fairTurns = () => new FairTurns(new AcceptPressure(), () => now);

const owner = (address: string, connection: object = {}) => ({ connection, address: () => address });

test("starts a task at once while the turn has time", () => {
  const turns = fairTurns();
  const done: number[] = [];
  for (let i = 0; i < 3; i++) turns.run(owner("a"), () => void done.push(i));
  expect(done).toEqual([0, 1, 2]);
});

test("starts nothing more in a turn that has lasted too long, and everything in later turns", async () => {
  const turns = fairTurns();
  let done = 0;
  turns.run(owner("a"), work);
  for (let i = 0; i < 200; i++)
    turns.run(owner("a"), () => {
      done++;
    });
  expect(done).toBe(0);
  await until("all tasks are done", () => done === 200);
  turns.run(owner("a"), () => {
    done++;
  });
  expect(done).toBe(201);
});

test("other events are handled between tasks that take a turn each", async () => {
  const turns = fairTurns();
  const order: string[] = [];
  turns.run(owner("a"), work);
  for (let i = 0; i < 5; i++)
    turns.run(owner("a"), () => {
      order.push("task");
      work();
    });
  const tick = () => {
    order.push("event");
    if (order.length < 20) setImmediate(tick);
  };
  setImmediate(tick);
  await until("all are done", () => order.length >= 20);
  expect(order.join(" ")).not.toContain("task task");
});

test.each([
  [0, 1],
  [24, 2],
  [1000, 4],
])("beside other work of %d ms, a turn starts %d tasks of 6 ms", async (otherMs, max) => {
  const turns = fairTurns();
  let inTurn = 0;
  let done = 0;
  const counts: number[] = [];
  turns.run(owner("a"), work);
  for (let i = 0; i < 40; i++)
    turns.run(owner("a"), () => {
      inTurn++;
      done++;
      work();
    });
  const tick = () => {
    now += otherMs;
    if (inTurn > 0) counts.push(inTurn);
    inTurn = 0;
    if (done < 40) setImmediate(tick);
  };
  setImmediate(tick);
  await until("all are done", () => done === 40);
  expect(Math.max(...counts)).toBe(max);
});

test("a client that sends one request waits for one request of each other client, not for all of them", async () => {
  const turns = fairTurns();
  const order: string[] = [];
  turns.run(owner("x"), work);
  for (const address of ["a", "b", "c"])
    for (let i = 0; i < 100; i++) turns.run(owner(address), () => void order.push(address));
  turns.run(owner("single"), () => void order.push("single"));
  await until("all are done", () => order.length === 301);
  expect(order.indexOf("single")).toBe(3);
});

test("a client with cheap requests does not wait for many expensive ones of the others", async () => {
  const turns = fairTurns();
  const order: string[] = [];
  turns.run(owner("x"), work);
  for (const address of ["a", "b", "c"])
    for (let i = 0; i < 10; i++)
      turns.run(owner(address), () => {
        order.push(address);
        work();
      });
  const cheap = (left: number) =>
    turns.run(owner("cheap"), () => {
      order.push("cheap");
      if (left > 1) cheap(left - 1);
    });
  cheap(5);
  await until("all are done", () => order.length === 35);
  expect(order.lastIndexOf("cheap")).toBeLessThan(12);
});

test("a client that was idle has no credit for that time", async () => {
  const turns = fairTurns();
  const order: string[] = [];
  const add = (address: string, count: number) => {
    for (let i = 0; i < count; i++)
      turns.run(owner(address), () => {
        order.push(address);
        work();
        if (order.length === 5) add("late", 4);
      });
  };
  turns.run(owner("x"), work);
  add("early", 10);
  await until("all are done", () => order.length === 14);
  expect(order.slice(5, 9)).toContain("early");
});

test("connections of one address take turns, too", async () => {
  const turns = fairTurns();
  const order: string[] = [];
  turns.run(owner("x"), work);
  const busy = {};
  for (let i = 0; i < 100; i++) turns.run(owner("a", busy), () => void order.push("busy"));
  turns.run(owner("a"), () => void order.push("single"));
  await until("all are done", () => order.length === 101);
  expect(order.indexOf("single")).toBe(1);
});

test("the tasks of a connection keep their order, whether they are started or deferred", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          connection: fc.nat({ max: 3 }),
          isDeferred: fc.boolean(),
          isLong: fc.boolean(),
          thenTurn: fc.boolean(),
        }),
        { maxLength: 60 },
      ),
      async (tasks) => {
        const turns = fairTurns();
        const connections = [{}, {}, {}, {}];
        const done: number[][] = [[], [], [], []];
        let count = 0;
        const waiting = [0, 0, 0, 0];
        for (const [i, { connection, isDeferred, isLong, thenTurn }] of tasks.entries()) {
          const task = () => {
            done[connection]?.push(i);
            waiting[connection] = (waiting[connection] ?? 0) - 1;
            count++;
            if (isLong) work();
          };
          waiting[connection] = (waiting[connection] ?? 0) + 1;
          const by = owner(`address ${connection % 2}`, connections[connection]);
          if (isDeferred) turns.defer(by, task);
          else turns.run(by, task);
          if (thenTurn) await new Promise((resolve) => setImmediate(resolve));
        }
        await until("all are done", () => count === tasks.length);
        for (const numbers of done) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      },
    ),
    { numRuns: 20 },
  );
});

test("a task that throws does not keep the others from starting", async () => {
  const turns = fairTurns();
  const errors: unknown[] = [];
  const listener = (error: unknown) => void errors.push(error);
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", listener);
  let isDone = false;
  turns.run(owner("x"), work);
  turns.run(owner("a"), () => {
    throw new Error("broken");
  });
  turns.run(owner("a"), () => {
    isDone = true;
  });
  await until("the other task is done", () => isDone);
  process.removeListener("uncaughtException", listener);
  for (const one of others) process.on("uncaughtException", one);
  expect(errors).toEqual([new Error("broken")]);
});

/** Pull iterator: delivers each value once and in order, and ends immediately. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createPullIterator } from "../../../../src/transports/graphql/execution/pull-iterator.ts";

function createSource() {
  const values: number[] = [];
  let released = 0;
  const pull = createPullIterator<number>(
    () => values.shift(),
    () => {
      released++;
    },
  );
  return {
    ...pull,
    add(value: number) {
      values.push(value);
      pull.wake();
    },
    released: () => released,
  };
}

test("delivers each value once and in order, whether the value or the request is first", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom("add", "ask")), async (steps) => {
      const source = createSource();
      const requests: Promise<IteratorResult<number, undefined>>[] = [];
      let added = 0;
      for (const step of steps) {
        if (step === "add") source.add(added++);
        else requests.push(source.iterator.next());
      }
      source.end();
      const results = await Promise.all(requests);
      const given = Math.min(added, requests.length);
      expect(results.slice(0, given).map(({ value }) => value)).toEqual([...Array(given).keys()]);
      for (const { done } of results.slice(given)) expect(done).toBe(true);
      expect(await source.iterator.next()).toEqual({ value: undefined, done: true });
      expect(source.released()).toBe(1);
    }),
  );
});

test("rejects the pending or the next request with the error, and no other", async () => {
  const waited = createSource();
  const [first, second] = [waited.iterator.next(), waited.iterator.next()];
  waited.end(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  expect((await second).done).toBe(true);

  const later = createSource();
  later.end(new Error("gone"));
  await expect(later.iterator.next()).rejects.toThrow("gone");
  expect((await later.iterator.next()).done).toBe(true);
});

test("ends immediately when the client leaves while it waits", async () => {
  const source = createSource();
  const waiting = source.iterator.next();
  await source.iterator.return(undefined);
  expect((await waiting).done).toBe(true);
  expect(source.released()).toBe(1);
});

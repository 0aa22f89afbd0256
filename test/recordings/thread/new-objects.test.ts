import { constants, PerformanceObserver } from "node:perf_hooks";
import { expect, test } from "vitest";
import { collectNewObjects } from "../../../src/recordings/thread/new-objects.ts";
import { until } from "../../support/until.ts";

/** Collections that a program requested. */
interface Collection {
  readonly kind: number;
  readonly flags: number;
}

test("collects new objects only, without a global function", async () => {
  const requested: Collection[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const collection: Collection = Reflect.get(entry, "detail");
      if ((collection.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) requested.push(collection);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  try {
    collectNewObjects();
    collectNewObjects();
    await until("both are reported", () => requested.length >= 2);
  } finally {
    observer.disconnect();
  }
  expect(requested.map(({ kind }) => kind)).toEqual(Array(2).fill(constants.NODE_PERFORMANCE_GC_MINOR));
  expect(Reflect.get(globalThis, "gc")).toBeUndefined();
});

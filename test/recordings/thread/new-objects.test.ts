import { execFile } from "node:child_process";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { promisify } from "node:util";
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

test("collects nothing where V8 has no function of that name", async () => {
  const module = new URL("../../../dist/src/recordings/thread/new-objects.js", import.meta.url);
  const script = `import { collectNewObjects } from "${module}"; collectNewObjects(); console.log("collected");`;
  // V8 then exposes the function under the other name only.
  const flags = ["--expose-gc-as=other", "--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  expect(stdout).toBe("collected\n");
});

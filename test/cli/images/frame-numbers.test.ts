import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameCounter, frameFields } from "../../../cli/images/frame-numbers.ts";

const encoder = new TextEncoder();
let id = 0;

function entryOf(fields: Record<string, string> | undefined, stream = "cam") {
  const entry = { stream, id: `${++id}-0`, data: new Uint8Array() };
  if (fields === undefined) return entry;
  return {
    ...entry,
    fields: new Map(Object.entries(fields).map(([name, value]) => [name, encoder.encode(value)])),
  };
}

test("does not count skipped frames without numbers", () => {
  const count = createFrameCounter();
  count.add(entryOf(undefined));
  count.add(entryOf({ n: "x" }));
  count.add(entryOf({ other: "1" }));
  expect(count.dropped).toBeUndefined();
  expect(count.unnumbered).toBe(3);
});

test("counts no skip for a run that starts late, restarts, or is on another stream", () => {
  const count = createFrameCounter();
  count.add(entryOf(frameFields("first", 100)));
  count.add(entryOf(frameFields("second", 0)));
  count.add(entryOf(frameFields("first", 101)));
  count.add(entryOf(frameFields("first", 500), "other"));
  count.add(entryOf(frameFields("second", 1)));
  expect(count.dropped).toBe(0);
});

test("property: counts exactly the frames between the first and last received frame of each run", () => {
  const frame = fc.record({ run: fc.constantFrom("a", "b", "c"), seen: fc.boolean() });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 200 }), (frames) => {
      const count = createFrameCounter();
      const next = new Map<string, number>();
      const seen = new Map<string, number[]>();
      for (const { run, seen: isReceived } of frames) {
        const number = next.get(run) ?? 0;
        next.set(run, number + 1);
        if (!isReceived) continue;
        count.add(entryOf(frameFields(run, number)));
        seen.set(run, [...(seen.get(run) ?? []), number]);
      }
      let skipped = 0;
      for (const numbers of seen.values()) {
        skipped += (numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1 - numbers.length;
      }
      expect(count.dropped).toBe(seen.size === 0 ? undefined : skipped);
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameCount, frameFields } from "../../cli/frame-numbers.ts";

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

test("frames without numbers: nobody knows what was skipped", () => {
  const count = createFrameCount();
  count.note(entryOf(undefined));
  count.note(entryOf({ n: "x" }));
  count.note(entryOf({ other: "1" }));
  expect(count.dropped).toBeUndefined();
  expect(count.unnumbered).toBe(3);
});

test("a run that starts in the middle, starts again, or is on another stream is no skip", () => {
  const count = createFrameCount();
  count.note(entryOf(frameFields("first", 100)));
  count.note(entryOf(frameFields("second", 0)));
  count.note(entryOf(frameFields("first", 101)));
  count.note(entryOf(frameFields("first", 500), "other"));
  count.note(entryOf(frameFields("second", 1)));
  expect(count.dropped).toBe(0);
});

test("property: of the frames of several runs, mixed, exactly those between the first and last seen are counted", () => {
  const frame = fc.record({ run: fc.constantFrom("a", "b", "c"), seen: fc.boolean() });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 200 }), (frames) => {
      const count = createFrameCount();
      const next = new Map<string, number>();
      const seen = new Map<string, number[]>();
      for (const { run, seen: comes } of frames) {
        const number = next.get(run) ?? 0;
        next.set(run, number + 1);
        if (!comes) continue;
        count.note(entryOf(frameFields(run, number)));
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

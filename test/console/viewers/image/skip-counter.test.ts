import fc from "fast-check";
import { expect, test } from "vitest";
import { createSkipCounter } from "../../../../console/viewers/image/skip-counter.ts";

test("property: counts added entries minus displayed ones at every poll", () => {
  const step = fc.record({ add: fc.nat(8), showLast: fc.boolean(), look: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const counter = createSkipCounter();
      let added = 10;
      let from: number | undefined;
      const shown = new Set<number>();
      for (const { add, showLast, look } of steps) {
        added += add;
        if (showLast && !shown.has(added)) {
          shown.add(added);
          counter.shown(`7-${added}`);
        }
        if (!look) continue;
        counter.listed({ added, lastId: `7-${added}` });
        from ??= added;
        const first = from;
        const seen = [...shown].filter((n) => n > first).length;
        expect(counter.skipped).toBe(added - first - seen);
      }
    }),
  );
});

test("counts an entry displayed before its poll at the next poll; unknown if Redis has no counter", () => {
  const counter = createSkipCounter();
  counter.listed({ added: 5, lastId: "9-0" });
  counter.shown("10-0");
  counter.listed({ added: 5, lastId: "9-0" });
  expect(counter.skipped).toBe(0);
  counter.listed({ added: 8, lastId: "10-2" });
  expect(counter.skipped).toBe(2);
  const old = createSkipCounter();
  old.shown("1-0");
  old.listed({ added: 0, lastId: "1-0" });
  expect(old.skipped).toBeUndefined();
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { createFifo } from "../../src/domain/fifo.ts";

test("property: behaves like push and shift of an array", () => {
  // Long runs of one operation, because the inner array is compacted after a thousand removals.
  const run = fc.tuple(fc.constantFrom("add", "take"), fc.integer({ min: 1, max: 3000 }));
  fc.assert(
    fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
      const fifo = createFifo<number>();
      const model: number[] = [];
      let number = 0;
      for (const [kind, times] of runs) {
        for (let i = 0; i < times; i++) {
          if (kind === "add") {
            fifo.add(number);
            model.push(number++);
          } else {
            if (fifo.oldest !== model[0]) throw new Error(`oldest is ${fifo.oldest}, not ${model[0]}`);
            const wanted = model.shift();
            const item = fifo.take();
            if (item !== wanted) throw new Error(`took ${item}, not ${wanted}`);
          }
        }
        expect(fifo.size).toBe(model.length);
      }
      expect(fifo.takeAll()).toEqual(model);
      expect(fifo.size).toBe(0);
      expect(fifo.take()).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});

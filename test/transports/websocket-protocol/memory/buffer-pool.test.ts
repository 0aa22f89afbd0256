import fc from "fast-check";
import { expect, test } from "vitest";
import { createCounters } from "../../../../src/observe/counters.ts";
import { createPayloadPool } from "../../../../src/transports/websocket-protocol/memory/buffer-pool.ts";

const KIB = 1024;

test("reuses returned buffers for sizes that fit", () => {
  const counters = createCounters();
  const pool = createPayloadPool(1024 * KIB, counters);
  const memory = pool.take(20_000);
  expect(memory.length).toBe(32 * KIB);
  pool.give(memory);
  expect(counters.bufferPoolBytes).toBe(32 * KIB);
  // Smaller and larger buffers are kept separately.
  expect(pool.take(16 * KIB).buffer).not.toBe(memory.buffer);
  expect(pool.take(32 * KIB + 1).buffer).not.toBe(memory.buffer);
  expect(pool.take(32 * KIB).buffer).toBe(memory.buffer);
  expect(counters.bufferPoolBytes).toBe(0);
});

test("keeps no more than the limit, and no buffer over 1 MiB", () => {
  const counters = createCounters();
  const pool = createPayloadPool(100 * KIB, counters);
  const taken = Array.from({ length: 10 }, () => pool.take(30_000));
  for (const memory of taken) pool.give(memory);
  expect(counters.bufferPoolBytes).toBe(96 * KIB);
  const large = createPayloadPool(100 * KIB * KIB, counters);
  const memory = large.take(1024 * KIB + 1);
  expect(memory.length).toBe(1024 * KIB + 1);
  large.give(memory);
  expect(large.take(1024 * KIB + 1).buffer).not.toBe(memory.buffer);
  large.give(large.take(1024 * KIB));
  expect(counters.bufferPoolBytes).toBe((1024 + 96) * KIB);
});

test("never hands out a buffer twice, and counts the kept bytes", () => {
  const step = fc.oneof(
    fc.record({
      take: fc.oneof(
        fc.integer({ min: 0, max: 3_000_000 }),
        // Sizes around powers of two.
        fc
          .tuple(fc.integer({ min: 10, max: 21 }), fc.constantFrom(-1, 0, 1))
          .map(([bits, by]) => 2 ** bits + by),
      ),
    }),
    fc.record({ give: fc.nat(50) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(0, 40_000, 500_000, 64_000_000),
      (steps, limit) => {
        const counters = createCounters();
        const pool = createPayloadPool(limit, counters);
        const inUse: Buffer[] = [];
        const kept = new Map<ArrayBufferLike, number>();
        for (const one of steps) {
          if ("take" in one) {
            const memory = pool.take(one.take);
            expect(memory.length).toBeGreaterThanOrEqual(one.take);
            // A buffer has at most twice the requested size, or the smallest size.
            expect(memory.length).toBeLessThanOrEqual(Math.max(16 * KIB, one.take * 2));
            expect(inUse.some(({ buffer }) => buffer === memory.buffer)).toBe(false);
            kept.delete(memory.buffer);
            inUse.push(memory);
          } else if (inUse.length > 0) {
            const [memory] = inUse.splice(one.give % inUse.length, 1);
            if (memory === undefined) continue;
            const before = counters.bufferPoolBytes;
            pool.give(memory);
            if (counters.bufferPoolBytes > before) kept.set(memory.buffer, memory.length);
          }
          expect(counters.bufferPoolBytes).toBe([...kept.values()].reduce((sum, bytes) => sum + bytes, 0));
          expect(counters.bufferPoolBytes).toBeLessThanOrEqual(limit);
        }
      },
    ),
    { numRuns: 50 },
  );
});

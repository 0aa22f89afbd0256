/** Slots of keys, against Redis itself. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashTagOf, slotOf, tagFor } from "../../../src/redis/cluster/hash-slot.ts";
import { nodeArguments } from "../../support/redis/cluster.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let node: TestRedis;
beforeAll(async () => {
  node = await startRedis(...(await nodeArguments()));
});
afterAll(() => node[Symbol.asyncDispose]());

const key = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("{", "}", "a", "b", ":") }),
);

test("the slot is Redis' own", async () => {
  await fc.assert(
    fc.asyncProperty(key, async (text) => {
      expect(slotOf(text)).toBe(await node.control.call("CLUSTER", "KEYSLOT", text));
    }),
    { numRuns: 500 },
  );
});

test("keys with the same hash tag have the same slot", () => {
  fc.assert(
    fc.property(key, key, (text, other) => {
      const tag = tagFor(text);
      expect(hashTagOf(`x{${tag}}${other}`)).toBe(tag);
      expect(slotOf(`x{${tag}}${other}`)).toBe(slotOf(text));
    }),
  );
});

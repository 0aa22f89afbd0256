import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseGlob } from "../../../src/domain/streams/glob.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { rejectionOf } from "../../support/rejection.ts";

// cspell:ignore xaxbx

const matches = (pattern: string, text: string) => parseGlob(pattern, "match")(text);

describe("patterns", () => {
  test.each([
    ["cam:*", "cam:", true],
    ["cam:*", "cam:left", true],
    ["cam:*", "cam", false],
    ["*:imu", "rover:imu", true],
    ["*:imu", "rover:imu2", false],
    ["cam?:*", "cam1:x", true],
    ["cam?:*", "cam:x", false],
    ["?", "😀", true],
    ["[a-c]x", "bx", true],
    ["[c-a]x", "bx", true],
    ["[^a-c]x", "bx", false],
    ["[\\]]", "]", true],
    ["[ab", "b", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["a\\", "a\\", true],
    ["plain", "plain", true],
    ["plain", "plain2", false],
    ["**a**b**", "xaxbx", true],
    ["", "", true],
    ["*", "", true],
    ["**", "", true],
    [`${"a".repeat(40)}*${"b".repeat(40)}`, `${"a".repeat(40)}${"b".repeat(41)}`, true],
    ["[^-]a", "ba", true],
    ["[^-]a", "-a", false],
    ["[^-]a", "b", false],
    [`*${"b".repeat(64)}c`, `${"b".repeat(100)}c`, true],
    [`*${"b".repeat(64)}c`, `${"b".repeat(63)}c`, false],
  ])("%s on %s: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test("rejects a long pattern, and one with many wildcards", () => {
    expect(rejectionOf(() => parseGlob("a".repeat(257), "match"))).toBe(
      "BAD_PARAMETER: match must be at most 256 characters, got 257",
    );
    expect(rejectionOf(() => parseGlob("*a".repeat(9), "match"))).toBe(
      "BAD_PARAMETER: match must have at most 8 wildcards, got 9",
    );
    expect(() => parseGlob("*a".repeat(8), "match")).not.toThrow();
    expect(() => parseGlob("\\*".repeat(100), "match")).not.toThrow();
  });

  test("takes time linear in the text for a hostile pattern", () => {
    const glob = parseGlob(`*${"a*".repeat(6)}${"a".repeat(200)}b`, "match");
    expect(glob("a".repeat(1_000_000))).toBe(false);
  });
});

describe("compared with Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  test("property: matches the same keys as Redis for any short pattern and key", async () => {
    const characters = fc.constantFrom("a", "b", "c", "*", "?", "[", "]", "^", "-", "\\", ":");
    const text = (min: number, max: number) =>
      fc.array(characters, { minLength: min, maxLength: max }).map((all) => all.join(""));
    // No empty key: Redis does not match it against two or more stars, only against one. No stream has an empty key.
    const someKeys = fc.array(text(1, 6), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(text(0, 8), someKeys, async (pattern, keys) => {
        await redis.control.call("FLUSHDB");
        for (const key of keys) await redis.control.call("SET", key, "");
        const found = await redis.control.call("KEYS", pattern);
        const expected = Array.isArray(found) ? found.map(String).sort() : [];
        expect([...new Set(keys)].filter((key) => matches(pattern, key)).sort()).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

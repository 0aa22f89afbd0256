import { describe, expect, test } from "vitest";
import { bytesOf, type Entry } from "../../../src/domain/entry.ts";
import { idAtTime } from "../../../src/domain/entry-id.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";

/** What an entry costs besides its payload (bytes). */
const OVERHEAD = 48;
/** What is expected of a stream that nobody has read (bytes). */
const UNKNOWN = 32 * 1024;

const entry = (bytes: number, fields?: Entry["fields"]): Entry => ({
  id: idAtTime(1),
  data: new Uint8Array(bytes),
  ...(fields !== undefined && { fields }),
});

test("the bytes of entries are their payloads and their further fields with their names", () => {
  expect(bytesOf([])).toBe(0);
  expect(bytesOf([entry(10), entry(0), entry(5)])).toBe(15);
  expect(bytesOf([entry(10, new Map([["name", new Uint8Array(3)]]))])).toBe(17);
});

describe("what is expected of a stream", () => {
  test("a careful guess, until somebody has read it", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", []);
    expect(sizes.expected("s")).toBe(UNKNOWN);
  });

  test("the mean of the first entries read, fields included", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", [entry(100), entry(300)]);
    expect(sizes.expected("s")).toBe(200 + OVERHEAD);
    sizes.learn("t", [entry(0, new Map([["a", new Uint8Array(999)]]))]);
    expect(sizes.expected("t")).toBe(1000 + 64 + OVERHEAD);
    expect(sizes.expected("other")).toBe(UNKNOWN);
  });

  test("more at once, so that a camera that grows costs no memory", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", [entry(100)]);
    sizes.learn("s", [entry(100_000)]);
    expect(sizes.expected("s")).toBe(100_000 + OVERHEAD);
  });

  test("less step by step, and in the end as little as there is", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", [entry(1000)]);
    sizes.learn("s", [entry(0)]);
    expect(sizes.expected("s")).toBeCloseTo(800 + OVERHEAD);
    for (let i = 0; i < 100; i++) sizes.learn("s", [entry(0)]);
    expect(sizes.expected("s")).toBeCloseTo(OVERHEAD);
  });

  test("of no more than 20,000 streams; the one not seen for longest is forgotten first", () => {
    const sizes = createEntrySizes();
    for (let i = 0; i <= 20_000; i++) sizes.learn(`s${i}`, [entry(1)]);
    expect(sizes.expected("s0")).toBe(UNKNOWN);
    expect(sizes.expected("s1")).toBe(1 + OVERHEAD);
    expect(sizes.expected("s20000")).toBe(1 + OVERHEAD);
  });
});

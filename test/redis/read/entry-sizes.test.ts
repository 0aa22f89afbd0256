import { describe, expect, test } from "vitest";
import { bytesOf, type Entry } from "../../../src/domain/streams/entry.ts";
import { idAtTime } from "../../../src/domain/streams/entry-id.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";

/** Overhead of an entry besides its payload (bytes). */
const OVERHEAD = 48;
/** Expected entry size of an unread stream (bytes). */
const UNKNOWN = 32 * 1024;

const entry = (bytes: number, fields?: Entry["fields"]): Entry => ({
  id: idAtTime(1),
  data: new Uint8Array(bytes),
  ...(fields !== undefined && { fields }),
});

test("counts payloads and other fields with their names", () => {
  expect(bytesOf([])).toBe(0);
  expect(bytesOf([entry(10), entry(0), entry(5)])).toBe(15);
  expect(bytesOf([entry(10, new Map([["name", new Uint8Array(3)]]))])).toBe(17);
});

describe("expected size of a stream's entries", () => {
  test("a high estimate until the stream is read", () => {
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

  test("grows at once, so that larger camera frames cost no memory", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", [entry(100)]);
    sizes.learn("s", [entry(100_000)]);
    expect(sizes.expected("s")).toBe(100_000 + OVERHEAD);
  });

  test("shrinks gradually to the actual size", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", [entry(1000)]);
    sizes.learn("s", [entry(0)]);
    expect(sizes.expected("s")).toBeCloseTo(800 + OVERHEAD);
    for (let i = 0; i < 100; i++) sizes.learn("s", [entry(0)]);
    expect(sizes.expected("s")).toBeCloseTo(OVERHEAD);
  });

  test("whole bytes, for which memory is reserved", () => {
    const sizes = createEntrySizes();
    sizes.learn("s", [entry(1), entry(1), entry(2)]);
    expect(sizes.expected("s")).toBe(1 + OVERHEAD);
  });

  test("remembers 20,000 streams and drops the oldest first", () => {
    const sizes = createEntrySizes();
    for (let i = 0; i <= 20_000; i++) sizes.learn(`s${i}`, [entry(1)]);
    expect(sizes.expected("s0")).toBe(UNKNOWN);
    expect(sizes.expected("s1")).toBe(1 + OVERHEAD);
    expect(sizes.expected("s20000")).toBe(1 + OVERHEAD);
  });
});

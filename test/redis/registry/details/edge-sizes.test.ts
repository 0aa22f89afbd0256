/** Sizes of the first and last entries of streams. */
import { expect, test } from "vitest";
import { EdgeSizes } from "../../../../src/redis/registry/details/edge-sizes.ts";

const MIB = 2 ** 20;

test("remembers large edges until a lookup finds smaller ones", () => {
  const sizes = new EdgeSizes();
  expect(sizes.expected("a")).toBe(0);
  sizes.learn("a", 3 * MIB);
  expect(sizes.expected("a")).toBe(3 * MIB);
  sizes.learn("a", 100);
  expect(sizes.expected("a")).toBe(0);
});

test("expects both edges to be as large as an appended entry, if it is larger", () => {
  const sizes = new EdgeSizes();
  sizes.appended("a", 100);
  expect(sizes.expected("a")).toBe(0);
  sizes.appended("a", MIB);
  sizes.appended("a", 100_000);
  expect(sizes.expected("a")).toBe(2 * MIB);
});

test("forgets the oldest of many streams", () => {
  const sizes = new EdgeSizes();
  for (let i = 0; i <= 20_000; i++) sizes.learn(`s${i}`, MIB);
  expect(sizes.expected("s0")).toBe(0);
  expect(sizes.expected("s1")).toBe(MIB);
});

test("knows small edges until a large entry is appended", () => {
  const sizes = new EdgeSizes();
  expect(sizes.areSmall("a")).toBe(false);
  sizes.learn("a", 100);
  expect(sizes.areSmall("a")).toBe(true);
  sizes.appended("a", 100);
  expect(sizes.areSmall("a")).toBe(true);
  sizes.appended("a", MIB);
  expect(sizes.areSmall("a")).toBe(false);
});

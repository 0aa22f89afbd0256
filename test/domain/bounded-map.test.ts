/** A bounded map evicts its oldest key. */
import { expect, test } from "vitest";
import { BoundedMap } from "../../src/domain/bounded-map.ts";

const KEYS = ["a", "b", "c", "d"];
const held = (map: BoundedMap<number>) => KEYS.filter((key) => map.get(key) !== undefined).join("");

test("evicts the oldest key for a new one", () => {
  const map = new BoundedMap<number>(2);
  for (const [i, key] of KEYS.entries()) map.set(key, i);
  expect(held(map)).toBe("cd");
  expect(map.get("d")).toBe(3);
});

test("evicts nothing when a known key changes, which keeps its age", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 1);
  map.set("a", 2);
  expect(held(map)).toBe("ab");
  map.set("c", 1);
  expect(held(map)).toBe("bc");
});

test("makes a key the newest that is deleted and set again", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 1);
  map.delete("a");
  map.set("a", 2);
  map.set("c", 1);
  expect(held(map)).toBe("ac");
});

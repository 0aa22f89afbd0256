/** Keys of frames: the same for the same form and name, and a bounded number of them. */
import { expect, test } from "vitest";
import { FrameKeys } from "../../../src/live/cache/frame-keys.ts";

test("differ by form and by stream name", () => {
  const keys = new FrameKeys();
  const all = [keys.of("json", "a"), keys.of("json", "b"), keys.of("msgpack", "a")];
  expect(new Set(all).size).toBe(3);
  expect([keys.of("json", "a"), keys.of("json", "b"), keys.of("msgpack", "a")]).toEqual(all);
});

test("remain equal after they were forgotten", () => {
  const keys = new FrameKeys();
  const first = keys.of("json", "a");
  for (let i = 0; i < 10_000; i++) keys.of("json", `stream-${i}`);
  expect(keys.of("json", "a")).toBe(first);
});

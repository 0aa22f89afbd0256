import { expect, test } from "vitest";
import { StreamerError } from "../../../client/errors.ts";
import { cursorsText, startCursors } from "../../../client/reading/cursors.ts";

test.each([
  ["one for all", "5-1", "5-1+5-1"],
  ["one each, joined by a plus", "5-1+7", "5-1+7-0"],
  ["the beginning and now", "0+$", "0-0+$"],
  ["by stream, now for the rest", { b: "9-9" }, "$+9-9"],
])("accepts cursors as %s", (_how, from, text) => {
  const cursors = startCursors(["a", "b"], from);
  expect([...cursors.keys()]).toEqual(["a", "b"]);
  expect(cursorsText(cursors)).toBe(text);
});

test.each(["1-0+2-0+3-0", "yesterday", "", "1-0+", { a: "x" }])(
  "rejects the cursor %j before it connects",
  (from) => {
    expect(() => startCursors(["a", "b"], from)).toThrow(StreamerError);
    expect(() => startCursors(["a", "b"], from)).toThrow(
      expect.objectContaining({ code: "BAD_PARAMETER", message: expect.stringContaining("last_entry_id") }),
    );
  },
);

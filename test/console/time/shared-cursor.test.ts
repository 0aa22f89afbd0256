import { expect, test } from "vitest";
import { SharedCursor } from "../../../console/time/shared-cursor.ts";

test("has the moment of the view with the pointer, until the pointer leaves that view", () => {
  const cursor = new SharedCursor();
  const seen: unknown[] = [];
  cursor.pointed.subscribe((pointed) => seen.push(pointed));
  cursor.point("a", 5);
  cursor.point("a", 5);
  cursor.point("b", 7);
  // The pointer enters a view before the other one reports that it has left.
  cursor.leave("a");
  cursor.leave("b");
  expect(seen).toEqual([undefined, { ms: 5, view: "a" }, { ms: 7, view: "b" }, undefined]);
});

import { describe, expect, test } from "vitest";
import { allows, formatGrant, parseGrant } from "../../src/access/grant.ts";

describe("a permission as text", () => {
  test.each(["read:glasses:*", "write:*:imu*", "admin:*", "read::metrics", "read:*:a:b"])("%s", (text) => {
    expect(formatGrant(parseGrant(text))).toBe(text);
  });

  test("an action alone is for everything", () => {
    expect(parseGrant("admin")).toEqual({ action: "admin", pattern: "*" });
  });

  test.each(["", "reed:glasses:*", "Read:*", "read:", "openid", `read:${"a".repeat(1025)}`])(
    "not %j",
    (text) => {
      expect(() => parseGrant(text)).toThrow(/permission/);
    },
  );
});

test("write does not include read; admin includes both", () => {
  const pattern = "a:b";
  expect(allows({ action: "write", pattern }, "read", "a:b")).toBe(false);
  expect(allows({ action: "read", pattern }, "write", "a:b")).toBe(false);
  expect(allows({ action: "read", pattern }, "admin", "a:b")).toBe(false);
  for (const action of ["read", "write", "admin"] as const) {
    expect(allows({ action: "admin", pattern }, action, "a:b")).toBe(true);
    expect(allows({ action: "admin", pattern }, action, "a:c")).toBe(false);
  }
});

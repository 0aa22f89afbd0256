import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ACTIONS,
  allows,
  allowsGateway,
  covers,
  formatGrant,
  parseGrant,
} from "../../../src/access/identity/grant.ts";

describe("parses and formats a permission", () => {
  test.each(["read:glasses:*", "write:*:imu*", "admin:*", "read::metrics", "read:*:a:b"])("%s", (text) => {
    expect(formatGrant(parseGrant(text))).toBe(text);
  });

  test("an action alone applies to everything", () => {
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

describe("the gateway's own keys, which begin with a colon", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*", ":", "event", "metrics"), maxLength: 6 });
  const grant = fc.record({ action: fc.constantFrom(...ACTIONS), pattern: text.filter((one) => one !== "") });

  test("are covered by * and by patterns that begin with a colon, and by no others", () => {
    fc.assert(
      fc.property(grant, text, (one, rest) => {
        fc.pre(one.pattern !== "*" && !one.pattern.startsWith(":"));
        for (const action of ACTIONS) expect(allows(one, action, `:${rest}`)).toBe(false);
        expect(covers(one, "")).toBe(false);
      }),
      { numRuns: 2000 },
    );
    expect(allows({ action: "write", pattern: "*:*" }, "write", ":event:device.connected")).toBe(false);
    expect(allows({ action: "write", pattern: "**" }, "write", ":event:device.connected")).toBe(false);
    expect(allows({ action: "read", pattern: ":event:*" }, "read", ":event:device.connected")).toBe(true);
    expect(allows({ action: "read", pattern: "*" }, "read", ":event:device.connected")).toBe(true);
  });

  test("a pattern that begins with a colon covers no stream of a device", () => {
    fc.assert(
      fc.property(grant, text, (one, rest) => {
        fc.pre(one.pattern.startsWith(":") && rest !== "" && !rest.startsWith(":"));
        for (const action of ACTIONS) expect(allows(one, action, rest)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("only a grant on * covers the whole gateway, each action as on a stream", () => {
    fc.assert(
      fc.property(grant, fc.constantFrom(...ACTIONS), (one, action) => {
        const expected = one.pattern === "*" && (one.action === action || one.action === "admin");
        expect(allowsGateway(one, action)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

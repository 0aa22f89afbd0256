import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesPattern } from "../../../src/domain/streams/stream-pattern.ts";

// cspell:ignore sses

describe("a pattern of device and stream", () => {
  test.each([
    ["glasses:*", "glasses:cam"],
    ["glasses:*", "glasses:a:b"],
    ["*:imu*", "glasses:imu"],
    ["*:imu*", "default:imu-left"],
    ["*:*", "a:b"],
    ["*", ":event:device.connected"],
    ["g*s:c*m*", "glasses:cam"],
    ["cam*", "camera"],
    [":metrics", ":metrics"],
    ["a:*b*b", "a:bbb"],
  ])("%s matches %s", (pattern, key) => {
    expect(matchesPattern(pattern, key)).toBe(true);
  });

  test.each([
    ["glasses:*", "glasses2:cam"],
    ["glasses:*", "other:glasses:cam"],
    ["*:imu*", "glasses:cam"],
    // The device's star stops at the first colon, or a stream id could impersonate another device.
    ["*:imu*", "glasses:x:imu"],
    ["*s:imu", "a:bs:imu"],
    ["*:*", "camera"],
    ["cam", "camera"],
    ["glasses:", "glasses:cam"],
    ["a:*b*b", "a:b"],
    ["gl.sses:*", "glasses:cam"],
    ["*:*", ":event:device.connected"],
    ["**", ":event:device.connected"],
    ["*:metrics", ":metrics"],
  ])("%s does not match %s", (pattern, key) => {
    expect(matchesPattern(pattern, key)).toBe(false);
  });

  test("property: matches like the equivalent regular expression", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (glob, subject) => {
        const expression = new RegExp(`^${glob.replaceAll("*", "[^]*")}$`);
        expect(matchesPattern(`d:${glob}`, `d:${subject}`)).toBe(expression.test(subject));
      }),
    );
  });

  test("matches hostile patterns in bounded time", () => {
    const glob = `d:${"*a".repeat(500)}b`;
    expect(matchesPattern(glob, `d:${"a".repeat(60_000)}`)).toBe(false);
  });
});

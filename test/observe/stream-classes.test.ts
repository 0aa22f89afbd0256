/** Classes of streams in the metrics: the first matching pattern, device `default`, or other. */
import { expect, test } from "vitest";
import { createStreamClasses } from "../../src/observe/stream-classes.ts";

const classOf = (streamClasses: ReturnType<typeof createStreamClasses>, key: string) => {
  const counts = streamClasses.of(key);
  return [...streamClasses.classes].find(([, one]) => one === counts)?.[0];
};

test.each([
  [":event:device.connected", "system"],
  ["default:cam", "default"],
  ["cam", "default"],
  ["glasses:cam", "other"],
  ["defaults:cam", "other"],
])("by default, %s is in class %s", (key, name) => {
  expect(classOf(createStreamClasses(), key)).toBe(name);
});

test("uses the first matching pattern, and one class per name", () => {
  const streamClasses = createStreamClasses([
    { name: "cameras", pattern: "*:cam*" },
    { name: "glasses", pattern: "glasses:*" },
    { name: "cameras", pattern: "*:video" },
    { name: "system", pattern: "default:log" },
  ]);
  expect([...streamClasses.classes.keys()]).toEqual(["cameras", "glasses", "system", "default", "other"]);
  // Twice each: found, and remembered.
  for (let i = 0; i < 2; i++) {
    expect(classOf(streamClasses, "glasses:cam")).toBe("cameras");
    expect(classOf(streamClasses, "glasses:imu")).toBe("glasses");
    expect(classOf(streamClasses, "default:video")).toBe("cameras");
    expect(classOf(streamClasses, "default:log")).toBe("system");
    expect(classOf(streamClasses, "default:imu")).toBe("default");
    expect(classOf(streamClasses, "hat:imu")).toBe("other");
  }
});

test("keeps the number of classes for any number of streams", () => {
  const streamClasses = createStreamClasses([{ name: "odd", pattern: "*:*1" }]);
  for (let i = 0; i < 30_000; i++) streamClasses.of(`d:${i}`).entriesIn++;
  expect(streamClasses.classes.size).toBe(4);
  expect(streamClasses.classes.get("odd")?.entriesIn).toBe(3000);
  expect(streamClasses.classes.get("other")?.entriesIn).toBe(27_000);
});

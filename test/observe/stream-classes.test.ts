/** Which class of streams a stream is counted in. */
import { expect, test } from "vitest";
import { createTraffic } from "../../src/observe/stream-classes.ts";

const classOf = (traffic: ReturnType<typeof createTraffic>, key: string) => {
  const counts = traffic.of(key);
  return [...traffic.classes].find(([, one]) => one === counts)?.[0];
};

test.each([
  [":event:device.connected", "system"],
  ["default:cam", "default"],
  ["cam", "default"],
  ["glasses:cam", "other"],
  ["defaults:cam", "other"],
])("of itself %s is of %s", (key, name) => {
  expect(classOf(createTraffic(), key)).toBe(name);
});

test("the first pattern that fits decides, and a name that is there twice is one class", () => {
  const traffic = createTraffic([
    { name: "cameras", pattern: "*:cam*" },
    { name: "glasses", pattern: "glasses:*" },
    { name: "cameras", pattern: "*:video" },
    { name: "system", pattern: "default:log" },
  ]);
  expect([...traffic.classes.keys()]).toEqual(["cameras", "glasses", "system", "default", "other"]);
  // Twice each: found, and remembered.
  for (let i = 0; i < 2; i++) {
    expect(classOf(traffic, "glasses:cam")).toBe("cameras");
    expect(classOf(traffic, "glasses:imu")).toBe("glasses");
    expect(classOf(traffic, "default:video")).toBe("cameras");
    expect(classOf(traffic, "default:log")).toBe("system");
    expect(classOf(traffic, "default:imu")).toBe("default");
    expect(classOf(traffic, "hat:imu")).toBe("other");
  }
});

test("any number of streams has the classes that there are", () => {
  const traffic = createTraffic([{ name: "odd", pattern: "*:*1" }]);
  for (let i = 0; i < 30_000; i++) traffic.of(`d:${i}`).entriesIn++;
  expect(traffic.classes.size).toBe(4);
  expect(traffic.classes.get("odd")?.entriesIn).toBe(3000);
  expect(traffic.classes.get("other")?.entriesIn).toBe(27_000);
});

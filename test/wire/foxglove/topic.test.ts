import { expect, test } from "vitest";
import { keyOfTopic, topicOf } from "../../../src/wire/foxglove/topic.ts";

test.each([
  ["rover:imu", "/rover/imu"],
  ["rover:arm/left:joint", "/rover/arm/left:joint"],
  ["plain", "/plain"],
])("%s is topic %s", (key, topic) => {
  expect(topicOf(key)).toBe(topic);
  expect(keyOfTopic(topic)).toBe(key);
});

test("a topic may lack the first slash, and must have a name", () => {
  expect(keyOfTopic("rover/imu")).toBe("rover:imu");
  expect(keyOfTopic("/")).toBeUndefined();
  expect(keyOfTopic("")).toBeUndefined();
});

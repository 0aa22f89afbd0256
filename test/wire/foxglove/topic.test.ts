import { expect, test } from "vitest";
import { keyOfTopic, topicOf } from "../../../src/wire/foxglove/topic.ts";

test.each([
  ["rover:imu", "/rover/imu"],
  ["rover:arm/left:joint", "/rover/arm/left:joint"],
  ["plain", "/plain"],
  ["a:b/c", "/a/b/c"],
  ["a/b:c", "/a%2Fb/c"],
  ["a/b", "/a%2Fb"],
  ["a%2Fb:c", "/a%252Fb/c"],
  ["a:50%", "/a/50%"],
  [":event", "//event"],
  ["a:", "/a/"],
])("%s is topic %s", (key, topic) => {
  expect(topicOf(key)).toBe(topic);
  expect(keyOfTopic(topic)).toBe(key);
});

test("a topic may lack the first slash, and must have a name", () => {
  expect(keyOfTopic("rover/imu")).toBe("rover:imu");
  for (const topic of ["/", ""]) expect(keyOfTopic(topic)).toBeUndefined();
});

test("a topic with one segment is a stream of a given device", () => {
  expect(keyOfTopic("/cmd_vel", "rover")).toBe("rover:cmd_vel");
  expect(keyOfTopic("/base/cmd_vel", "rover")).toBe("base:cmd_vel");
});

import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { createTurnEnd } from "../../../src/transports/response/byte-sink.ts";
import { MessageTurns } from "../../../src/transports/websocket-protocol/message-turns.ts";
import { silent } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let events: string[];
let messages: MessageTurns;

beforeEach(() => {
  events = [];
  messages = new MessageTurns({
    owner: { connection: {}, address: () => "a" },
    turns: createTurns().requests,
    turnEnd: createTurnEnd({ counters: createCounters(), logger: silent }),
    reading: {
      pause: () => void (events.at(-1) !== "pause" && events.push("pause")),
      resume: () => void events.push("resume"),
    },
    deliver: (text) => void events.push(text),
  });
});

test("delivers the first message of a turn at once, and does not pause reading", async () => {
  messages.add("1");
  expect(events).not.toContain("pause");
  expect(events.at(-1)).toBe("1");
  await nextTurn();
  messages.add("2");
  expect(events).not.toContain("pause");
  expect(events.at(-1)).toBe("2");
});

test("delivers further messages of a turn later and in order, and reads again before the last one", async () => {
  for (const text of ["1", "2", "3", "4"]) messages.add(text);
  expect(events.at(-1)).toBe("pause");
  expect(events).not.toContain("2");
  await until("all are delivered", () => events.at(-1) === "4");
  expect(events.slice(events.indexOf("pause"))).toEqual(["pause", "2", "3", "resume", "4"]);
});

test("messages that arrive while others wait are delivered after them", async () => {
  messages.add("1");
  messages.add("2");
  await nextTurn();
  for (const text of ["3", "4"]) messages.add(text);
  await until("all are delivered", () => events.includes("4"));
  expect(events.filter((event) => /\d/.test(event))).toEqual(["1", "2", "3", "4"]);
  expect(events.lastIndexOf("resume")).toBeGreaterThan(events.lastIndexOf("pause"));
});

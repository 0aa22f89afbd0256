import { expect, test } from "vitest";
import { WaitingRequests } from "../../../src/transports/http/waiting-requests.ts";

const MOST = 10;

/** Waiting requests, and the connections that were closed. */
function open() {
  const closed: string[] = [];
  let reports = 0;
  const waiting = new WaitingRequests<number>(() => reports++, MOST);
  const connect = (name: string, remoteAddress: string) => ({
    remoteAddress,
    destroy() {
      closed.push(name);
      return this as never;
    },
  });
  const add = (connection: ReturnType<typeof connect>, count: number) => {
    for (let i = 0; i < count; i++) waiting.add(connection, i);
  };
  return { waiting, closed, connect, add, reports: () => reports };
}

test("returns the requests of a connection in order", () => {
  const { waiting, connect, add } = open();
  const [a, b] = [connect("a", "1"), connect("b", "1")];
  add(a, 2);
  add(b, 1);
  expect([waiting.of(a), waiting.of(b)]).toEqual([2, 1]);
  expect([waiting.take(a), waiting.take(a), waiting.take(a), waiting.take(b)]).toEqual([0, 1, undefined, 0]);
  expect(waiting.of(a)).toBe(0);
});

test("closes the largest connection of the address with the most waiting requests", () => {
  const { waiting, closed, connect, add, reports } = open();
  const healthy = connect("healthy", "1");
  const hostile = [3, 2, 1].map((count) => [connect(`hostile ${count}`, "2"), count] as const);
  add(healthy, 4);
  for (const [connection, count] of hostile) add(connection, count);
  expect(closed).toEqual([]);
  add(connect("late", "3"), 1);
  expect(closed).toEqual(["hostile 3"]);
  expect(reports()).toBe(1);
  expect(waiting.of(healthy)).toBe(4);
});

test("counts requests that were taken or dropped no longer", () => {
  const { waiting, closed, connect, add } = open();
  const [a, b] = [connect("a", "1"), connect("b", "2")];
  for (let i = 0; i < 5; i++) {
    add(a, 5);
    add(b, 5);
    waiting.drop(a);
    for (let j = 0; j < 5; j++) waiting.take(b);
  }
  expect(closed).toEqual([]);
  add(b, MOST);
  expect(closed).toEqual([]);
  add(b, 1);
  expect(closed).toEqual(["b"]);
  expect(waiting.of(b)).toBe(0);
});

test("counts unparsed bytes as requests, until they are parsed or the connection is dropped", () => {
  const { waiting, closed, connect, add } = open();
  const [a, b] = [connect("a", "1"), connect("b", "2")];
  waiting.hold(a, 2 * 2048 + 1);
  expect(waiting.of(a)).toBe(0);
  add(b, MOST - 3);
  expect(closed).toEqual([]);
  waiting.release(a);
  waiting.hold(b, 2048 * 3);
  waiting.drop(b);
  add(a, MOST - 1);
  waiting.hold(a, 1);
  expect(closed).toEqual([]);
  waiting.hold(b, 1);
  expect(closed).toEqual(["a"]);
});

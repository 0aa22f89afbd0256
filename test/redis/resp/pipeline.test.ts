import { expect, test } from "vitest";
import { ReplyLostError } from "../../../src/redis/resp/command-result.ts";
import { Pipeline } from "../../../src/redis/resp/pipeline.ts";
import { type Reply, ReplyError } from "../../../src/redis/resp/reader.ts";
import type { CommandWriter } from "../../../src/redis/resp/writer.ts";
import { collectGarbage } from "../../support/node/garbage.ts";
import { eventLoopTurns } from "../../support/until.ts";

const ping = (out: CommandWriter) => out.command(["PING"]);
const PING = "*1\r\n$4\r\nPING\r\n";

/** A pipeline that records its writes. */
function open(onFlush: () => void = () => undefined) {
  const writes: string[] = [];
  const pipeline = new Pipeline(onFlush);
  const output = { write: (parts: readonly Uint8Array[]) => writes.push(Buffer.concat(parts).toString()) };
  pipeline.attach(output);
  return { pipeline, writes, output };
}

/** Adds commands, and returns the result of each: a reply, or the error. A second result of a command is appended. */
function addTo(pipeline: Pipeline, count: number): (Reply | Error)[] {
  const results: (Reply | Error)[] = [];
  for (let i = 0; i < count; i++)
    pipeline.add(ping, (error, reply) => {
      if (i in results) results.push("called twice");
      else results[i] = error ?? reply;
    });
  return results;
}

test("writes the commands of one event-loop turn at once, and those of the next turn in another write", async () => {
  const { pipeline, writes } = open();
  addTo(pipeline, 3);
  expect(writes).toEqual([]);
  await eventLoopTurns(1);
  addTo(pipeline, 1);
  await eventLoopTurns(1);
  expect(writes).toEqual([PING.repeat(3), PING]);
});

test("matches replies in order, and reports an error reply as the error of its command", () => {
  const { pipeline } = open();
  const results = addTo(pipeline, 3);
  const rejection = new ReplyError("ERR no");
  for (const reply of ["one", rejection, 3]) pipeline.settle(reply);
  expect(results).toEqual(["one", rejection, 3]);
  expect(pipeline.isPending).toBe(false);
});

test("matches replies in order over more commands than are dropped at once", () => {
  const { pipeline } = open();
  const results = addTo(pipeline, 10_000);
  for (let i = 0; i < 9000; i++) pipeline.settle(i);
  expect(pipeline.isPending).toBe(true);
  const later = addTo(pipeline, 500);
  for (let i = 9000; i < 10_500; i++) pipeline.settle(i);
  expect([...results, ...later]).toEqual(Array.from({ length: 10_500 }, (_, i) => i));
});

test("frees the callback of an answered command, and thus its reply, while later commands wait", async () => {
  const { pipeline } = open();
  // A function of its own, so that no variable of the test refers to the callback.
  const answerOne = () => {
    const replies: Reply[] = [];
    const done = (_error: unknown, reply: Reply) => void replies.push(reply);
    pipeline.add(ping, done);
    addTo(pipeline, 1);
    pipeline.settle("one");
    return new WeakRef(done);
  };
  const answered = answerOne();
  // A WeakRef keeps its target until the end of the turn.
  await eventLoopTurns(1);
  collectGarbage();
  expect(answered.deref()).toBeUndefined();
  expect(pipeline.isPending).toBe(true);
});

test("rejects a reply that belongs to no command", () => {
  const { pipeline } = open();
  addTo(pipeline, 1);
  pipeline.settle("one");
  expect(() => pipeline.settle("two")).toThrow("without a pending command");
});

test("fails all commands in flight as lost, and continues with later ones", () => {
  const { pipeline } = open();
  const results = addTo(pipeline, 3);
  pipeline.settle("one");
  pipeline.failAll();
  expect(results).toEqual(["one", expect.any(ReplyLostError), expect.any(ReplyLostError)]);
  const later = addTo(pipeline, 1);
  pipeline.settle("two");
  expect(later).toEqual(["two"]);
});

test("discards unwritten commands when it is detached, so that the next socket starts empty", async () => {
  const { pipeline, writes, output } = open();
  addTo(pipeline, 2);
  pipeline.detach();
  pipeline.attach(output);
  pipeline.add(
    (out) => out.command(["HELLO", 3]),
    () => undefined,
  );
  await eventLoopTurns(1);
  expect(writes).toEqual(["*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"]);
});

test("calls onFlush before each write, and includes the commands that it adds", async () => {
  let flushes = 0;
  const { pipeline, writes } = open(() => {
    flushes++;
    if (flushes === 1) addTo(pipeline, 1);
  });
  pipeline.flushSoon();
  await eventLoopTurns(3);
  expect(writes).toEqual([PING]);
  expect(flushes).toBe(1);
});

test("does not call onFlush without a socket", async () => {
  let flushes = 0;
  const { pipeline } = open(() => flushes++);
  pipeline.detach();
  pipeline.flushSoon();
  await eventLoopTurns(2);
  expect(flushes).toBe(0);
});

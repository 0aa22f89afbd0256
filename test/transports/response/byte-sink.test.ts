import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createMemoryBudget, type MemoryBudget } from "../../../src/access/limits/memory-budget.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import {
  type ByteSink,
  createByteSink,
  createTurnEnd,
  JOIN_BELOW_BYTES,
  joinSmall,
} from "../../../src/transports/response/byte-sink.ts";
import type { Chunks } from "../../../src/transports/response/memory/chunks.ts";
import { silent } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

const HIGH_WATER = 50_000;

/** Both ends of one TCP connection. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Starts reading at the far end. */
  read(): void;
  /** Bytes that the far end has read. */
  received(): Buffer;
  close(): void;
}

async function openPair(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const near = connect(address.port, "127.0.0.1");
  near.on("error", () => undefined);
  const far = await accepted;
  const chunks: Buffer[] = [];
  far.on("data", (chunk) => chunks.push(chunk));
  far.on("error", () => undefined);
  far.pause();
  if (near.connecting) await new Promise((resolve) => near.once("connect", resolve));
  return {
    near,
    far,
    read: () => far.resume(),
    received: () => Buffer.concat(chunks),
    close() {
      near.destroy();
      far.destroy();
      server.close();
    },
  };
}

const chunks = (...parts: Uint8Array[]): Chunks => ({
  parts,
  bytes: parts.reduce((sum, part) => sum + part.length, 0),
});
const filled = (bytes: number, byte = 1) => new Uint8Array(bytes).fill(byte);

let pair: Pair;
let sink: ByteSink;
let handedOver: number;
let budget: MemoryBudget<"unread">;
beforeEach(async () => {
  pair = await openPair();
  handedOver = 0;
  budget = createMemoryBudget({
    uses: ["unread"],
    smallBytes: 0,

    totalBytes: 2 ** 30,
    shareBytes: 2 ** 30,
    waitMs: 0,
  });
  sink = createByteSink({
    stream: pair.near,
    highWaterBytes: HIGH_WATER,
    turnEnd: createTurnEnd({ counters: createCounters(), logger: silent }),
    onBytes: (bytes) => {
      handedOver += bytes;
    },
    openLease: () => budget.open("unread", "client"),
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  pair.close();
});

/** Writes until the stalled far end has filled all buffers and the sink. */
async function fill(): Promise<number> {
  let bytes = 0;
  while (!sink.isFull()) {
    sink.write(chunks(filled(50_000)));
    bytes += 50_000;
    await eventLoopTurns(2);
  }
  return bytes;
}

test("chunks that follow a large chunk leave in the same system call", async () => {
  const sent = vi.spyOn(pair.near, "uncork");
  sink.write(chunks(filled(70_000)), chunks(filled(3, 2)));
  expect(sent).toHaveBeenCalledTimes(1);
  expect(pair.near.bytesWritten).toBe(70_003);
  pair.read();
  await until("all bytes arrive", () => pair.received().length === 70_003);
  expect(pair.received().at(-1)).toBe(2);
  await until("the sink is empty", () => sink.isEmpty());
});

test("delivers chunks in order for any sizes and turns", async () => {
  pair.read();
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 500; i++) {
    const parts = Array.from({ length: 1 + (i % 3) }, (_, part) =>
      filled((i * 7919) % (i % 5 === 0 ? 3 * JOIN_BELOW_BYTES : 200), i + part),
    );
    sent.push(...parts);
    sink.write(chunks(...parts));
    if (i % 7 === 0) await eventLoopTurns(1);
  }
  const expected = Buffer.concat(sent);
  await until("all to arrive", () => pair.received().length === expected.length);
  expect(Buffer.compare(pair.received(), expected)).toBe(0);
  expect(handedOver).toBe(expected.length);
});

describe("one write per event-loop turn", () => {
  test("small chunks of a turn are joined", async () => {
    const write = vi.spyOn(pair.near, "write");
    for (let turn = 0; turn < 3; turn++) {
      for (let i = 0; i < 100; i++) sink.write(chunks(filled(10), filled(20)));
      expect(write).toHaveBeenCalledTimes(turn);
      await eventLoopTurns(1);
      expect(write).toHaveBeenCalledTimes(turn + 1);
      expect(write.mock.lastCall?.[0]).toHaveLength(3000);
    }
  });

  test("large parts are not copied and are written in the same system call", async () => {
    const large = filled(JOIN_BELOW_BYTES);
    const write = vi.spyOn(pair.near, "write");
    const writev = vi.spyOn(pair.near, "_writev" as never);
    sink.write(chunks(filled(10), large, filled(20)));
    sink.write(chunks(filled(30), large));
    await eventLoopTurns(1);
    expect(write.mock.calls.map(([part]) => (part as Uint8Array).length)).toEqual([
      10,
      JOIN_BELOW_BYTES,
      50,
      JOIN_BELOW_BYTES,
    ]);
    expect(write.mock.calls[1]?.[0]).toBe(large);
    expect(write.mock.calls[3]?.[0]).toBe(large);
    expect(writev).toHaveBeenCalledTimes(1);
  });

  test("writes a single part without a copy", async () => {
    const part = filled(10);
    const write = vi.spyOn(pair.near, "write");
    sink.write(chunks(part));
    await eventLoopTurns(1);
    expect(write.mock.calls).toEqual([[part]]);
    expect(write.mock.calls[0]?.[0]).toBe(part);
  });

  test("unless it is flushed; the end of the turn then sends nothing twice", async () => {
    pair.read();
    const write = vi.spyOn(pair.near, "write");
    sink.write(chunks(filled(10)));
    sink.flush();
    expect(write).toHaveBeenCalledTimes(1);
    sink.write(chunks(filled(20)));
    sink.flush();
    sink.flush();
    await eventLoopTurns(2);
    expect(write).toHaveBeenCalledTimes(2);
    await until("both to arrive", () => pair.received().length === 30);
  });
});

test("writes a large chunk immediately, after the chunks that wait for the end of the turn", async () => {
  pair.read();
  sink.write(chunks(filled(10, 1)));
  sink.write(chunks(filled(100_000, 2)));
  expect(sink.isEmpty?.()).toBe(true);
  await until("both to arrive", () => pair.received().length === 100_010);
  expect(pair.received().subarray(0, 11)).toEqual(Buffer.concat([filled(10, 1), filled(1, 2)]));
});

describe("the high-water mark", () => {
  test("counts chunks that wait for the end of the turn", () => {
    sink.write(chunks(filled(HIGH_WATER)));
    expect(sink.isFull()).toBe(false);
    sink.write(chunks(filled(1)));
    expect(sink.isFull()).toBe(true);
  });

  test("counts unsent bytes of the socket", async () => {
    await fill();
    expect(pair.near.writableLength).toBeGreaterThan(HIGH_WATER);
    pair.read();
    await until("the sink to have room", () => !sink.isFull());
  });

  test("does not count bytes that are sent immediately", async () => {
    pair.read();
    for (let i = 0; i < 50; i++) {
      sink.write(chunks(filled(HIGH_WATER)));
      await until("it to go out", () => pair.received().length === (i + 1) * HIGH_WATER);
      expect(sink.isFull()).toBe(false);
    }
  });
});

describe("a full sink calls back once when all bytes are sent", () => {
  test("after a stalled reader resumes", async () => {
    const bytes = await fill();
    const drained = vi.fn(() => expect(sink.isFull()).toBe(false));
    sink.whenDrained(drained);
    await eventLoopTurns(20);
    expect(drained).not.toHaveBeenCalled();
    pair.read();
    await until("the call", () => drained.mock.calls.length > 0);
    await until("all to arrive", () => pair.received().length === bytes);
    await eventLoopTurns(20);
    expect(drained).toHaveBeenCalledTimes(1);
    expect(drained).toHaveReturned();
  });

  test("even if the reader was never slow, and one event-loop turn wrote too much", async () => {
    pair.read();
    const drained = vi.fn();
    sink.write(chunks(filled(HIGH_WATER + 1)));
    expect(sink.isFull()).toBe(true);
    sink.whenDrained(drained);
    await until("the call", () => drained.mock.calls.length > 0);
    await eventLoopTurns(20);
    expect(drained).toHaveBeenCalledTimes(1);
  });

  test("also if others have written to its stream, and it has not", async () => {
    pair.near.write(filled(16_000_000));
    expect(sink.isFull()).toBe(true);
    const drained = vi.fn();
    sink.whenDrained(drained);
    await eventLoopTurns(20);
    expect(drained).not.toHaveBeenCalled();
    pair.read();
    await until("the call", () => drained.mock.calls.length > 0);
    await eventLoopTurns(20);
    expect(drained).toHaveBeenCalledTimes(1);
  });

  test("not before later chunks are sent too", async () => {
    await fill();
    const drained = vi.fn(() => expect(sink.isFull()).toBe(false));
    sink.whenDrained(drained);
    sink.write(chunks(filled(300_000)));
    pair.read();
    await until("the call", () => drained.mock.calls.length > 0);
    expect(drained).toHaveReturned();
  });

  test("repeatedly", async () => {
    pair.read();
    for (let round = 1; round <= 20; round++) {
      pair.far.pause();
      await fill();
      const drained = vi.fn();
      sink.whenDrained(drained);
      pair.far.resume();
      await until("the call", () => drained.mock.calls.length > 0);
      expect(drained).toHaveBeenCalledTimes(1);
    }
  });
});

test("discards chunks for a closed socket", async () => {
  pair.near.destroy();
  sink.write(chunks(filled(HIGH_WATER + 1)));
  await eventLoopTurns(2);
  expect(sink.isFull()).toBe(false);
});

describe("the end of a turn", () => {
  test("runs each task once and in order after the current event", async () => {
    const done: string[] = [];
    const turnEnd = createTurnEnd({ counters: createCounters(), logger: silent });
    turnEnd.add(() => done.push("a"));
    turnEnd.add(() => done.push("b"));
    await Promise.resolve();
    expect(done).toEqual([]);
    await eventLoopTurns(3);
    expect(done).toEqual(["a", "b"]);
  });

  test("a task added by a task runs in the next turn", async () => {
    const done: string[] = [];
    const turnEnd = createTurnEnd({ counters: createCounters(), logger: silent });
    turnEnd.add(() => {
      done.push("a");
      turnEnd.add(() => done.push("later"));
    });
    turnEnd.add(() => done.push("b"));
    await eventLoopTurns(3);
    expect(done).toEqual(["a", "b", "later"]);
  });
});

test("an exception of a task ends its client alone", async () => {
  const counters = createCounters();
  const done: string[] = [];
  const turnEnd = createTurnEnd({ counters, logger: silent });
  turnEnd.add(() => done.push("before"));
  turnEnd.add(
    () => {
      throw new RangeError("out of memory");
    },
    ({ code }) => done.push(code),
  );
  turnEnd.add(() => done.push("after"));
  await eventLoopTurns(3);
  expect(done).toEqual(["before", "INTERNAL", "after"]);
  expect(counters.internalErrors).toBe(1);
});

test("closes a socket that cannot be written", async () => {
  vi.spyOn(pair.near, "write").mockImplementation(() => {
    throw new RangeError("out of memory");
  });
  sink.write(chunks(filled(10)));
  await until("the socket is closed", () => pair.near.destroyed);
});

test("joins adjacent small parts in order", () => {
  const small = [1, 2, 3, 4, 5].map((byte) => filled(10, byte));
  const large = filled(JOIN_BELOW_BYTES, 9);
  const [a, b, c, d, e] = small as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const joined = joinSmall([chunks(a, b, large), chunks(c, large, large, d), chunks(e)]);
  expect(joined.map((part) => part.length)).toEqual([
    20,
    JOIN_BELOW_BYTES,
    10,
    JOIN_BELOW_BYTES,
    JOIN_BELOW_BYTES,
    20,
  ]);
  expect(Buffer.concat(joined)).toEqual(Buffer.concat([a, b, large, c, large, large, d, e]));
  expect(joined[1]).toBe(large);
  expect(joined[2]).toBe(c);
  expect(joinSmall([])).toEqual([]);
});

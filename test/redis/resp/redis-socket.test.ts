/** One socket to a real Redis: writes, replies, and its end. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import type { Reply } from "../../../src/redis/resp/reader.ts";
import { RedisSocket } from "../../../src/redis/resp/redis-socket.ts";
import { killConnections, silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** A socket that records its events. */
class RecordedSocket {
  readonly replies: string[] = [];
  readonly pushes: string[] = [];
  readonly ends: string[] = [];
  /** Called before each reply. */
  onReply: () => void = () => undefined;
  readonly socket: RedisSocket;
  /** Resolves when the socket is connected. */
  readonly connected: Promise<void>;

  constructor(url: string) {
    let resolve: () => void = () => undefined;
    this.connected = new Promise((connected) => {
      resolve = connected;
    });
    this.socket = new RedisSocket({
      ...{ address: parseRedisUrl(url), name: "unit", logger: silent },
      onConnect: resolve,
      onData: () => undefined,
      onReply: (reply: Reply) => {
        if (this.socket.hasEnded) return;
        this.onReply();
        this.replies.push(String(reply));
      },
      onPush: (message) => this.pushes.push(message.map(String).join(" ")),
      onEnd: (reason) => this.ends.push(reason),
    });
  }

  /** Writes commands, all of them as one. */
  send(...commands: readonly string[]): void {
    this.socket.write(commands.map((command) => Buffer.from(`${command}\r\n`)));
  }

  async received(count: number): Promise<readonly string[]> {
    await until("the replies arrive", () => this.replies.length >= count);
    return this.replies;
  }
}

/** Opens a socket that ends with the test. */
async function open(): Promise<RecordedSocket & Disposable> {
  const one = new RecordedSocket(redis.url);
  await one.connected;
  return Object.assign(one, { [Symbol.dispose]: () => one.socket.end("the test has ended") });
}

test("writes several parts as one, and reports their replies in order", async () => {
  using one = await open();
  one.send("SET a 1", "INCR a", "GET a");
  expect(await one.received(3)).toEqual(["OK", "2", "2"]);
});

test("separates push messages from replies", async () => {
  using one = await open();
  one.send("HELLO 3", "CLIENT TRACKING ON", "GET tracked");
  await one.received(3);
  await redis.control.call("SET", "tracked", "1");
  await until("the push message arrives", () => one.pushes.length > 0);
  expect(one.pushes).toEqual(["invalidate tracked"]);
  expect(one.replies).toHaveLength(3);
});

test("keeps the order of replies that arrive while a large command is being written", async () => {
  using one = await open();
  const large = Buffer.alloc(8 * 2 ** 20, "x");
  one.send("ECHO first", "ECHO second");
  one.socket.write([Buffer.from(`*2\r\n$6\r\nSTRLEN\r\n$${large.length}\r\n`), large, Buffer.from("\r\n")]);
  one.send("ECHO last");
  expect(await one.received(4)).toEqual(["first", "second", "0", "last"]);
});

test("reports once that Redis closed the connection", async () => {
  using one = await open();
  one.send("CLIENT SETNAME redis-streamer:socket-test");
  await one.received(1);
  expect(await killConnections(redis, "socket-test")).toBe(1);
  await until("the end is reported", () => one.ends.length > 0);
  one.socket.end("later");
  expect(one.ends).toEqual(["Redis closed the connection"]);
  expect(one.socket.hasEnded).toBe(true);
});

test("reports why it cannot connect", async () => {
  const one = new RecordedSocket(`redis://127.0.0.1:${await freePort()}`);
  await until("the end is reported", () => one.ends.length > 0);
  expect(one.ends).toEqual([expect.stringContaining("ECONNREFUSED")]);
});

test("ends with the first reason, and reads nothing after that", async () => {
  using one = await open();
  one.send("PING");
  one.socket.end("first");
  one.socket.end("second");
  await redis.control.call("PING");
  await eventLoopTurns(2);
  expect([one.ends, one.replies]).toEqual([["first"], []]);
});

test("ends if a reply cannot be handled, and does not report that as invalid", async () => {
  using one = await open();
  one.onReply = () => {
    throw new Error("not this one");
  };
  one.send("PING", "PING");
  await until("the end is reported", () => one.ends.length > 0);
  expect([one.ends, one.replies]).toEqual([["could not handle a reply from Redis"], []]);
});

test("handles the replies that arrived together before it ends", async () => {
  using one = await open();
  one.onReply = () => one.socket.endAfterChunk("enough");
  // Redis replies to commands that it read together in one write.
  one.send("ECHO a", "ECHO b", "ECHO c");
  await until("the end is reported", () => one.ends.length > 0);
  expect([one.replies, one.ends]).toEqual([["a", "b", "c"], ["enough"]]);
});

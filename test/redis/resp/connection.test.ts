import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import type { Logger } from "../../../src/domain/logger.ts";
import type { AddressSource } from "../../../src/redis/address/address-source.ts";
import { parseRedisUrl, type RedisAddress } from "../../../src/redis/address/redis-url.ts";
import { ReplyLostError } from "../../../src/redis/resp/command-result.ts";
import { Connection, type ConnectionOptions } from "../../../src/redis/resp/connection.ts";
import { type Reply, ReplyError } from "../../../src/redis/resp/reader.ts";
import { startBadNetwork } from "../../support/redis/bad-network.ts";
import { killConnections, silent, startRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

function connect(url: string, options: Partial<ConnectionOptions> = {}): Connection & Disposable {
  const address = parseRedisUrl(url);
  const connection = new Connection({ address, name: "unit", logger: silent, waitMs: 20_000, ...options });
  return Object.assign(connection, { [Symbol.dispose]: () => connection.close() });
}

/** Result of a command: its reply, or the error. */
const resultOf = (connection: Connection, ...args: string[]) =>
  connection.call(...args).catch((error: unknown) => error);

/** A logger that records messages with their fields. */
function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { logger: { debug: log, info: log, warn: log, error: log }, lines };
}

test("matches replies to commands in order, with an error for the one that failed", async () => {
  await using redis = await startRedis();
  using connection = connect(redis.url);
  const replies: unknown[] = [];
  for (const args of [["SET", "a", "1"], ["LPUSH", "a", "x"], ["GET", "a"], ["NONSENSE"]])
    connection.send(args, (error, reply) => replies.push(error?.code ?? String(reply)));
  await connection.call("PING");
  expect(replies).toEqual(["OK", "WRONGTYPE", "1", "ERR"]);
});

test("runs a transaction as one step", async () => {
  await using redis = await startRedis();
  using connection = connect(redis.url);
  const replies = await new Promise<readonly Reply[]>((resolve) =>
    connection.transact(
      [
        ["SET", "a", "1"],
        ["LPUSH", "a", "x"],
        ["INCR", "a"],
      ],
      (_error, all) => resolve(all),
    ),
  );
  expect(replies).toEqual(["OK", expect.any(ReplyError), 2]);
});

test("agrees on RESP3, and on RESP2 with a server without HELLO", async () => {
  await using redis = await startRedis();
  await using old = await startRedis("--rename-command", "HELLO", "");
  using connection = connect(redis.url);
  using second = connect(old.url);
  await connection.call("PING");
  await second.call("PING");
  expect([connection.protocol(), second.protocol()]).toEqual([3, 2]);
});

test("selects the database, authenticates, and shows its name", async () => {
  await using redis = await startRedis();
  await redis.control.call("CONFIG", "SET", "requirepass", "secret");
  using connection = connect(redis.url.replace("redis://", "redis://:secret@").concat("/3"));
  const info = String(await connection.call("CLIENT", "INFO"));
  expect(info).toContain("name=redis-streamer:unit ");
  expect(info).toContain(" db=3 ");
});

test("logs why Redis rejects the handshake, and keeps retrying", async () => {
  await using redis = await startRedis();
  await redis.control.call("CONFIG", "SET", "requirepass", "secret");
  const { logger, lines } = recorder();
  using connection = connect(redis.url, { logger, waitMs: 1 });
  await until("a warning is logged", () => lines.some((line) => line.startsWith("no connection to Redis")));
  expect(lines.join("\n")).toContain("NOAUTH");
  expect(connection.isReady()).toBe(false);
});

describe("while Redis is unavailable", () => {
  test("a command waits, and runs after the commands of onReady", async () => {
    await using redis = await startRedis();
    await redis.kill();
    const order: string[] = [];
    using connection = connect(redis.url, {
      onReady: () => connection.send(["PING"], () => order.push("onReady")),
    });
    const waiting = connection.call("SET", "a", "1").then((reply) => order.push(String(reply)));
    await redis.start();
    await waiting;
    expect(order).toEqual(["onReady", "OK"]);
  });

  test("a command fails after its time limit", async () => {
    using connection = connect(`redis://127.0.0.1:${await freePort()}`, { waitMs: 1 });
    await expect(connection.call("PING")).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  });

  test("a command fails at once, but asynchronously, if it may not wait", async () => {
    using connection = connect(`redis://127.0.0.1:${await freePort()}`, { waitMs: 0 });
    let isCalled = false;
    connection.send(["PING"], () => {
      isCalled = true;
    });
    expect(isCalled).toBe(false);
    await Promise.resolve();
    expect(isCalled).toBe(true);
  });
});

describe("when the connection is lost", () => {
  test("fails commands in flight as lost after onLost, reconnects, and does not repeat them", async () => {
    await using redis = await startRedis();
    const events: string[] = [];
    using connection = connect(redis.url, {
      onReady: () => events.push("ready"),
      onLost: () => events.push("lost"),
    });
    await connection.call("PING");
    const blocked = resultOf(connection, "BLPOP", "list", "0").then((error) => {
      events.push("failed");
      return error;
    });
    expect(await killConnections(redis, "unit")).toBe(1);
    expect(await blocked).toBeInstanceOf(ReplyLostError);
    expect(await connection.call("PING")).toBe("PONG");
    expect(events).toEqual(["ready", "lost", "failed", "ready"]);
    await redis.control.call("LPUSH", "list", "x");
    expect(await redis.control.call("LLEN", "list")).toBe(1);
  });

  test("reports a reply that was cut off as lost", async () => {
    await using redis = await startRedis();
    await using network = await startBadNetwork(redis.port);
    await redis.control.call("SET", "a", "x".repeat(100_000));
    using connection = connect(network.url);
    await connection.call("PING");
    network.cutReplies("unit", 50_000);
    expect(await resultOf(connection, "GET", "a")).toBeInstanceOf(ReplyLostError);
    expect(String(await connection.call("GET", "a"))).toHaveLength(100_000);
  });

  test("repeats a handshake that was cut in the middle", async () => {
    await using redis = await startRedis();
    await using network = await startBadNetwork(redis.port);
    const { logger, lines } = recorder();
    using connection = connect(network.url, { logger });
    const failures = () => lines.filter((line) => line.startsWith("connection attempt failed"));
    while (failures().length === 0) {
      // The network learns the name from the second command of the handshake, whose reply it then withholds.
      network.cutReplies("unit", 0);
      await eventLoopTurns(1);
    }
    expect(await connection.call("PING")).toBe("PONG");
    expect(failures()).toEqual([expect.stringContaining("Redis closed the connection")]);
  });

  test("detects a server that does not reply, and reconnects when it does", async () => {
    await using redis = await startRedis();
    const { logger, lines } = recorder();
    using connection = connect(redis.url, { logger, stallMs: 100 });
    await connection.call("PING");
    redis.freeze();
    expect(await resultOf(connection, "PING")).toBeInstanceOf(ReplyLostError);
    redis.thaw();
    expect(await connection.call("PING")).toBe("PONG");
    expect(lines.join("\n")).toContain("Redis stopped replying");
  });

  test("disconnects from a server that sends invalid RESP", async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const { logger, lines } = recorder();
    using connection = connect(`redis://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, {
      logger,
    });
    await until("it is logged", () => lines.some((line) => line.startsWith("invalid RESP")));
    await until("it is retried", () => sockets.size > 1);
    expect(connection.isReady()).toBe(false);
    connection.close();
    server.close();
  });
});

describe("close", () => {
  test("fails the commands in flight and later ones, and does not reconnect", async () => {
    await using redis = await startRedis();
    const events: string[] = [];
    const connection = connect(redis.url, { onLost: () => events.push("lost") });
    await connection.call("PING");
    const blocked = resultOf(connection, "BLPOP", "list", "0");
    connection.close();
    expect(await blocked).toBeInstanceOf(ReplyLostError);
    expect(await resultOf(connection, "PING")).toMatchObject({ code: "REDIS_UNAVAILABLE" });
    await until("Redis lists no connection", async () => (await killConnections(redis, "unit")) === 0);
    expect(events).toEqual([]);
  });

  test("may be called by the callback of a command, while more replies arrive", async () => {
    await using redis = await startRedis();
    const { logger, lines } = recorder();
    const connection = connect(redis.url, { logger });
    await connection.call("PING");
    const results: unknown[] = [];
    connection.send(["PING"], () => connection.close());
    for (let i = 0; i < 3; i++) connection.send(["PING"], (error) => results.push(error));
    await until("all commands have a result", () => results.length === 3);
    for (const result of results) expect(result).toBeInstanceOf(ReplyLostError);
    expect(lines.filter((line) => line.includes("RESP"))).toEqual([]);
  });

  test("fails the commands that wait for Redis", async () => {
    const connection = connect(`redis://127.0.0.1:${await freePort()}`);
    const waiting = resultOf(connection, "PING");
    connection.close();
    expect(await waiting).toMatchObject({ code: "REDIS_UNAVAILABLE" });
  });
});

describe("with an address source", () => {
  /** A source with an address that the test sets. */
  function movable(first: RedisAddress) {
    let current = first;
    const watchers = new Set<(address: RedisAddress) => void>();
    const source: AddressSource = {
      description: "movable",
      resolve: (onResolved) => queueMicrotask(() => onResolved(undefined, current)),
      watch(onAddress) {
        watchers.add(onAddress);
        return () => watchers.delete(onAddress);
      },
    };
    const moveTo = (address: RedisAddress) => {
      current = address;
      for (const watcher of watchers) watcher(address);
    };
    return { source, moveTo, watchers };
  }

  test("leaves a server that still replies when the address changes, and ignores the same address", async () => {
    await using one = await startRedis();
    await using two = await startRedis();
    const { source, moveTo, watchers } = movable(parseRedisUrl(one.url));
    let losses = 0;
    using connection = connect(one.url, { address: source, onLost: () => losses++ });
    await connection.call("SET", "name", "one");
    moveTo(parseRedisUrl(one.url));
    expect(String(await connection.call("GET", "name"))).toBe("one");
    expect(losses).toBe(0);
    moveTo(parseRedisUrl(two.url));
    await connection.call("SET", "name", "two");
    expect(String(await two.control.call("GET", "name"))).toBe("two");
    expect(losses).toBe(1);
    connection.close();
    expect(watchers.size).toBe(0);
  });

  test("leaves a master that was demoted, after reporting its rejections", async () => {
    await using one = await startRedis();
    await using two = await startRedis();
    const { source, moveTo } = movable(parseRedisUrl(one.url));
    using connection = connect(one.url, { address: source });
    await connection.call("PING");
    await one.control.call("REPLICAOF", "127.0.0.1", String(two.port));
    const writes = [1, 2, 3].map((value) => resultOf(connection, "SET", "a", String(value)));
    for (const result of await Promise.all(writes)) expect(result).toMatchObject({ code: "READONLY" });
    await until("it has left", () => !connection.isReady());
    moveTo(parseRedisUrl(two.url));
    expect(await connection.call("SET", "a", "4")).toBe("OK");
  });
});

/** Cost of a query on Redis: the number of round trips does not depend on the number of streams. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ANYONE } from "../../../src/access/identity/authorize.ts";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { openAccess } from "../../../src/gateway/access.ts";
import { type Closers, closeAll } from "../../../src/gateway/closers.ts";
import { openLive } from "../../../src/gateway/live.ts";
import { openObserve } from "../../../src/gateway/observe.ts";
import { openStorage } from "../../../src/gateway/storage.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { DetailsReader } from "../../../src/redis/registry/details/details-reader.ts";
import { createRegistry } from "../../../src/redis/registry/registry.ts";
import { LargeValues } from "../../../src/redis/registry/stored-values.ts";
import type { Done } from "../../../src/redis/resp/command-result.ts";
import { databaseOver } from "../../../src/redis/resp/commands.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import type { CommandWriter } from "../../../src/redis/resp/writer.ts";
import { readSettings } from "../../../src/settings.ts";
import {
  createExecutor,
  type Executor,
  perform,
} from "../../../src/transports/graphql/execution/executor.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";

/** Connection that counts its commands, and the event-loop turns with commands. Commands of one turn are one write. */
class CountingConnection extends Connection {
  commands = 0;
  writes = 0;
  #isTurnCounted = false;

  override sendEncoded(encode: (out: CommandWriter) => void, done: Done): void {
    this.commands++;
    if (!this.#isTurnCounted) {
      this.#isTurnCounted = true;
      this.writes++;
      setImmediate(() => {
        this.#isTurnCounted = false;
      });
    }
    super.sendEncoded(encode, done);
  }
}

let redis: TestRedis;
let connection: CountingConnection;
let executor: Executor;
const closers: Closers = [];

/** Client of a gateway without authentication. */
const anyone = { id: "1", address: "127.0.0.1", host: undefined, isSecure: false, identity: ANYONE };

beforeAll(async () => {
  redis = await startRedis();
  const address = parseRedisUrl(redis.url);
  connection = new CountingConnection({ address, logger: silent, name: "reads", waitMs: 1000 });
  const settings = readSettings([], { REDIS_URL: redis.url });
  const turns = createTurns();
  const observe = await openObserve(settings, "test", silent, closers);
  const storage = openStorage(settings, address, observe, closers, turns);
  const streams = openLive(settings, storage, observe, closers, turns);
  const registry = createRegistry({
    database: databaseOver(connection),
    largeReads: connection,
    largeValues: new LargeValues(connection, 262_144, turns.slices),
    maxKeyBytes: 4096,
    streamMaxLength: 0,
    details: new DetailsReader(connection),
    workSlices: turns.slices,
  });
  executor = createExecutor({
    streams: { ...streams, registry },
    access: openAccess(settings, storage, silent, closers, turns),
    observe,
    config: { ...settings, version: "test" },
  });
});
afterAll(async () => {
  connection.close();
  await closeAll(closers);
  await redis[Symbol.asyncDispose]();
});

async function cost(query: string) {
  await connection.call("PING");
  const before = { commands: connection.commands, writes: connection.writes };
  const outcome = await perform(executor.prepare({ query }, anyone, undefined), executor.run);
  expect(outcome).not.toHaveProperty("errors");
  return {
    outcome: JSON.parse(JSON.stringify(outcome)),
    commands: connection.commands - before.commands,
    roundTrips: connection.writes - before.writes,
  };
}

describe.each([10, 1000])("with %i streams of 10 devices", (count) => {
  beforeAll(async () => {
    await connection.call("FLUSHALL");
    for (let i = 0; i < 10; i++) await connection.call("SADD", ":devices:connected", `d${i}`);
    const pushed = Array.from({ length: count }, (_, i) =>
      connection.call("XADD", `d${i % 10}:s${i}`, "*", "d", "x"),
    );
    await Promise.all(pushed);
    await connection.call("SET", ":stream:meta:d0:described", "{}");
  });

  test("lists streams with their lengths and metadata", async () => {
    const { outcome, commands, roundTrips } = await cost("{ streams { id length meta } }");
    expect(outcome.data.streams.length).toBe(count + 1);
    expect(roundTrips).toBeLessThanOrEqual(3);
    // Two lists, and two commands for each stream: its length and its metadata.
    expect(commands).toBe(2 + 2 * (count + 1));
  });

  test.each([
    ["names alone", "{ streamIds streams { id } }"],
    ["all facts", "{ streams { id error entriesAdded firstEntryId lastEntryTime } }"],
    ["payloads", "{ streams { id lastEntryString meta } }"],
    ["devices and their streams", "{ devices { id meta streamIds sids streams { id length meta } } }"],
    [
      "the same twice",
      "{ a: devices { streams { length } } b: devices { streams { meta } } streams { length } }",
    ],
    ["pages", "{ streams { id entries(first: 1) { nodes { string } } } }"],
  ])("%s", async (_what, query) => {
    const { outcome, roundTrips } = await cost(query);
    expect(outcome.data).toBeTruthy();
    expect(roundTrips).toBeLessThanOrEqual(3);
  });
});

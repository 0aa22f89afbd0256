/**
 * The network between gateway and Redis stalls, drips and is cut: every wait ends, no acknowledged entry is lost, no
 * reader sees a repeat, and pushers know of each entry whether it is stored, is not, or may be.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { type Pusher, type Reader, startPusher, startReader, type Way } from "../../support/gateway/load.ts";
import { type BadNetwork, startBadNetwork } from "../../support/redis/bad-network.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let network: BadNetwork;
let gateway: GatewayProcess;
beforeEach(async () => {
  redis = await startRedis();
  network = await startBadNetwork(redis.port);
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await network[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  gateway = await startGatewayProcess({
    env: { REDIS_URL: network.url, REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000", ...env },
  });
}

/** Waits until the gateway's connections to Redis reply. */
const untilReady = () =>
  until("Redis replies", async () => (await request(`${gateway.http}/readyz`)).status === 200);

/** Reads the entries of a stream from Redis directly, without the network. */
const storedIn = async (stream: string) =>
  ((await redis.control.call("XRANGE", `default:${stream}`, "-", "+")) as [Buffer, Buffer[]][]).map(
    ([id, fields]) => ({ id: id.toString(), text: String(fields[1]) }),
  );

describe("under load", () => {
  const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];
  let pushers: readonly Pusher[];
  let readers: readonly Reader[];

  async function startLoad(): Promise<void> {
    readers = await Promise.all(WAYS.map((way) => startReader(gateway.ws, "s", way)));
    pushers = await Promise.all([startPusher(gateway.ws, "s", 20, 1), startPusher(gateway.ws, "s", 20, 1)]);
  }
  async function progress(more: number): Promise<void> {
    const before = pushers.map(({ acknowledged }) => acknowledged.size);
    await until(
      () => `the pushers go on behind ${before}: ${gateway.logged.join("; ")}`,
      () => pushers.every(({ acknowledged }, i) => acknowledged.size >= (before[i] ?? 0) + more),
      20_000,
    );
  }
  /** Ends the load and checks its entries. @param codes of the entries that are not, or may not be, stored */
  async function settle(codes: readonly string[]): Promise<void> {
    await Promise.all(pushers.map((pusher) => pusher.stop()));
    const stored = await storedIn("s");
    await until(
      () => `all readers have ${stored.at(-1)?.id}: ${readers.map(({ entries }) => entries.at(-1)?.id)}`,
      () => readers.every(({ entries }) => entries.at(-1)?.id === stored.at(-1)?.id),
      20_000,
    );
    for (const { entries, gaps } of readers) expect([entries, gaps]).toEqual([stored, []]);
    const texts = new Map(stored.map(({ id, text }) => [id, text]));
    for (const { acknowledged, failed } of pushers) {
      for (const [id, number] of acknowledged) expect(texts.get(id)).toBe(String(number));
      for (const code of failed.values()) expect(codes).toContain(code);
    }
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    expect(await gateway.metric("appends_in_flight")).toBe(0);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  }

  test("recovers from a network that is cut repeatedly", async () => {
    await start();
    await startLoad();
    for (let i = 0; i < 10; i++) {
      await progress(20);
      expect(network.cut()).toBeGreaterThan(0);
    }
    await progress(20);
    await settle(["APPEND_UNKNOWN"]);
  });

  test("recovers from a network that delivers byte by byte and is cut between any two bytes", async () => {
    await start();
    await startLoad();
    await progress(20);
    network.drip();
    await progress(20);
    network.cut();
    await progress(20);
    network.forward();
    await progress(20);
    await settle(["APPEND_UNKNOWN"]);
  });

  test("only waits for a network that stalls for less than the timeout", async () => {
    await start();
    await startLoad();
    await progress(20);
    network.stall();
    const ready = await request(`${gateway.http}/readyz`);
    expect(ready.status).toBe(503);
    network.forward();
    await progress(20);
    await settle([]);
  });

  test("closes a connection that stalls for longer, also under constant requests, and reconnects", async () => {
    await start({ REDIS_SILENCE_MS: "1000", REDIS_WAIT_MS: "300" });
    await startLoad();
    await progress(20);
    network.stall();
    // Constant requests: a health probe writes to each connection.
    const probes = setInterval(() => void request(`${gateway.http}/readyz`).catch(() => undefined), 100);
    await until(
      "the pushers receive errors",
      () => pushers.every(({ failed }) => [...failed.values()].includes("APPEND_UNKNOWN")),
      20_000,
    );
    await until(
      "and that Redis is unavailable",
      () => pushers.every(({ failed }) => [...failed.values()].includes("REDIS_UNAVAILABLE")),
      20_000,
    );
    clearInterval(probes);
    network.forward();
    network.cut();
    await progress(20);
    await settle(["APPEND_UNKNOWN", "REDIS_UNAVAILABLE"]);
  });
});

describe("an append whose reply is cut off", () => {
  const UNKNOWN = {
    code: "APPEND_UNKNOWN",
    error: "the connection to Redis was lost before it replied; the entry may or may not be stored",
  };
  const TEXTS = ["one", "two", "three", "four"];
  /** `$15\r\n1234567890123-0\r\n` */
  const ANSWER_BYTES = 22;
  type Outcome = string | { readonly code: string; readonly error: string };

  /** Every way to push a batch and to receive the result. */
  const WAYS: Readonly<Record<string, (stream: string) => Promise<readonly Outcome[]>>> = {
    "format=json with acks": async (stream) => {
      await using socket = await connectSocket(`${gateway.ws}/data/${stream}/push?format=json&ack=1`);
      socket.send(JSON.stringify(TEXTS.map((text) => [stream, null, text])));
      return JSON.parse(await socket.text());
    },
    "headers with acks": async (stream) => {
      await using socket = await connectSocket(`${gateway.ws}/data/${stream}/push?ack=1&offsets=end`);
      let end = 0;
      socket.send(JSON.stringify(TEXTS.map((text) => (end += text.length))));
      socket.send(Buffer.from(TEXTS.join("")));
      return JSON.parse(await socket.text());
    },
    POST: async (stream) => {
      const body = JSON.stringify(TEXTS.map((text) => [stream, null, text]));
      const answer = await request(`${gateway.http}/data/${stream}?format=json`, { method: "POST", body });
      if (answer.status === 200) return answer.json() as Outcome[];
      expect(answer.status).toBe(503);
      return TEXTS.map(() => answer.json() as Outcome);
    },
    GraphQL: async (stream) => {
      const entries = TEXTS.map((text) => `{string: "${text}"}`).join();
      const query = `mutation { append(streamId: "${stream}", entries: [${entries}]) { id error code } }`;
      const answer = await request(`${gateway.http}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query }),
      });
      const { data } = answer.json() as {
        data: { append: { id: string | null; error: string; code: string }[] };
      };
      return data.append.map(({ id, error, code }) => id ?? { error, code });
    },
  };

  test.each(Object.entries(WAYS))("is reported entry by entry: %s", async (_name, push) => {
    await start();
    // Whole replies before the cut, and some bytes of the next one.
    for (const [sure, further] of [
      [0, 1],
      [0, 19],
      [1, 5],
      [2, 0],
      [3, 19],
    ] as const) {
      const stream = `s${sure}${further}`;
      await untilReady();
      expect(network.cutReplies("appends", sure * ANSWER_BYTES + further)).toBe(1);
      const outcomes = await push(stream);
      expect(outcomes.slice(sure)).toEqual(TEXTS.slice(sure).map(() => UNKNOWN));
      const stored = await storedIn(stream);
      expect(stored.map(({ text }) => text)).toEqual(TEXTS);
      expect(outcomes.slice(0, sure)).toEqual(stored.slice(0, sure).map(({ id }) => id));
    }
  });

  test("closes the connection without acks", async () => {
    await start();
    await untilReady();
    await using socket = await connectSocket(`${gateway.ws}/data/s/push?header=0`);
    expect(network.cutReplies("appends", 5)).toBe(1);
    socket.send("x");
    const { code, reason } = await socket.closed;
    expect([code, reason.split(":")[0]]).toEqual([1013, "APPEND_UNKNOWN"]);
  });
});

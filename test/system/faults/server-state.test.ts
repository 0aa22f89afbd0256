/** Reports a Redis that lacks something that the gateway requires: to the operator at the start, and to the clients. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Logger } from "../../../src/domain/logger.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let warnings: string[];
const note = (_fields: object, message: string) => void warnings.push(message);
const logger: Logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
const gateways: TestGateway[] = [];

beforeEach(async () => {
  redis = await startRedis();
  warnings = [];
});
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  await redis[Symbol.asyncDispose]();
});

async function start(url = redis.url, env: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway(url, env, logger);
  gateways.push(gateway);
  return gateway;
}

/** Replacer of `JSON.stringify` that writes bytes as text. */
const asText = (_name: string, value: unknown) =>
  typeof value === "object" && value !== null && "type" in value && value.type === "Buffer" && "data" in value
    ? Buffer.from(value.data as number[]).toString()
    : value;

const isWarned = (text: string) =>
  until(
    () => `a warning has "${text}", not ${warnings.join("; ")}`,
    () => warnings.some((one) => one.includes(text)),
  );

test("a read-only replica is warned about and not ready, until it is a master", async () => {
  await using master = await startRedis();
  await redis.control.call("REPLICAOF", "127.0.0.1", new URL(master.url).port || "1");
  const gateway = await start();
  await isWarned("read-only replica");
  const answer = await request(`${gateway.http}/readyz`);
  expect([answer.status, answer.json()]).toEqual([
    503,
    expect.objectContaining({ error: expect.stringContaining("read-only replica") }),
  ]);
  await redis.control.call("REPLICAOF", "NO", "ONE");
  expect((await request(`${gateway.http}/readyz`)).status).toBe(200);
});

test("a policy that evicts streams is warned about, and noeviction is not", async () => {
  await redis.control.call("CONFIG", "SET", "slowlog-log-slower-than", 0);
  await start();
  const commands = async () => JSON.stringify(await redis.control.call("SLOWLOG", "GET", -1), asText);
  await until("the first gateway has read the policy", async () =>
    (await commands()).includes('["INFO","memory"]'),
  );
  await redis.control.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await start();
  await isWarned("maxmemory-policy is allkeys-lru");
  expect(warnings.filter((one) => one.includes("maxmemory-policy"))).toHaveLength(1);
});

test.each([
  ["xlen", "tracking"],
  ["xread", "tracking"],
  ["xread", "blocking"],
])("without the right to %s live readers of a %s tail get an error", async (command, tail) => {
  await redis.control.call("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", `-${command}`);
  // The check by script falls back to XLEN, which is denied as well.
  if (command === "xlen") await redis.control.call("ACL", "SETUSER", "limited", "-eval");
  const url = redis.url.replace("redis://", "redis://limited:secret@");
  const gateway = await start(url, { REDIS_TAIL: tail });
  await using socket = await connectSocket(`${gateway.ws}/data/s/pull?last_entry_id=0&format=json`);
  expect((await socket.closed).reason).toMatch(/^REDIS_REFUSED: .*(permission|NOPERM)/);
  const events = await request(`${gateway.http}/data/s/events?last_entry_id=0`);
  expect(events.text).toContain("REDIS_REFUSED");
  await isWarned("Redis rejected a read of this stream");
});

test("without the right to EVAL live readers get entries, and the operator a warning", async () => {
  await redis.control.call("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-eval");
  const url = redis.url.replace("redis://", "redis://limited:secret@");
  const gateway = await start(url);
  await using socket = await connectSocket(`${gateway.ws}/data/s/pull?last_entry_id=0&format=json`);
  await isWarned("does not permit EVAL");
  for (const id of ["1-0", "2-0", "3-0"]) {
    await redis.control.call("XADD", "default:s", id, "d", "x");
    expect(JSON.parse(await socket.text())).toEqual([["s", id, "x"]]);
  }
});

/** A server that restarts without the last entries that live readers received. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openAnswer } from "../support/clients/http.ts";
import { startTestGateway } from "../support/gateway/gateway.ts";
import { DURABLE, silent, startRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

test.each([
  ["tracking", []],
  ["blocking", ["--rename-command", "HELLO", ""]],
])("a %s tail does not take lost entries for a new life of the stream", async (_tail, args) => {
  await using redis = await startRedis(...DURABLE, ...args);
  const url = `redis://127.0.0.1:${redis.port}`;
  await using gateway = await startTestGateway(url, { REDIS_WAIT_MS: "20000" }, silent);
  await using events = await openAnswer(`${gateway.http}/data/s/events`);
  let received = "";
  void (async () => {
    for (let chunk = await events.next(); chunk !== undefined; chunk = await events.next()) received += chunk;
  })().catch(() => undefined);
  const add = async (text: string) => {
    await redis.control.call("XADD", "default:s", "*", "d", text);
    await until(`${text} is received`, () => received.includes(text));
  };
  await until("the events are open", () => received.includes("id:"));
  for (let i = 0; i < 20; i++) await add(`kept-${i}-`);

  const [, dir] = (await redis.control.call("CONFIG", "GET", "dir")) as unknown[];
  const log = join(String(dir), "appendonlydir");
  await cp(log, `${log}.kept`, { recursive: true });
  for (let i = 0; i < 5; i++) await add(`lost-${i}-`);
  await redis.kill();
  await rm(log, { recursive: true });
  await cp(`${log}.kept`, log, { recursive: true });
  await redis.start();
  for (let i = 0; i < 5; i++) await add(`later-${i}-`);
  expect(received).not.toContain("event: gap");
  // A new life that follows is reported. A blocking tail detects it at the next newer entry.
  await redis.control.call("DEL", "default:s");
  await redis.control.call("XADD", "default:s", "1-1", "d", "early");
  await add("newer");
  await until("the gap is reported", () => received.includes("event: gap"));
});

/** The servers of tests: two tests never share one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { until } from "../until.ts";
import { DURABLE, startRedis } from "./redis.ts";

test("rejects the server of another test that took the port during a restart", async () => {
  await using redis = await startRedis();
  await redis.kill();
  const options = ["--port", String(redis.port), "--bind", "127.0.0.1", "--save", ""];
  const other = spawn("redis-server", options, { stdio: "ignore" });
  const ended = once(other, "exit");
  try {
    await until("the other server replies", () => redis.control.isReady());
    await expect(redis.start()).rejects.toThrow(`port ${redis.port}`);
  } finally {
    other.kill("SIGKILL");
    await ended;
  }
});

test("restarts on the same port with the same data", async () => {
  await using redis = await startRedis(...DURABLE);
  await redis.control.call("SET", "key", "kept");
  await redis.kill();
  await redis.start();
  expect(String(await redis.control.call("GET", "key"))).toBe("kept");
});

import { expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../../bench/load/processes/redis.ts";
import { openWorkspace } from "../../../bench/load/processes/workspace.ts";
import { startWebdis } from "../../../bench/reference/webdis.ts";

test("webdis returns a value of the run's Redis as the body", async () => {
  const { children, dir } = openWorkspace("webdis-test");
  const redis = await startRedis(children, dir);
  const webdis = await startWebdis(children, redis);
  onTestFinished(async () => {
    await webdis.stop();
    await redis.stop();
  });
  await redis.command("SET", "small-value", "payload");
  const response = await fetch(`http://127.0.0.1:${webdis.port}/GET/small-value.txt`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-length")).toBe("7");
  expect(await response.text()).toBe("payload");
});

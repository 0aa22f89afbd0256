import { expect, test } from "vitest";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { runHere } from "../../support/programs/command-line.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

test("plays its streams until it is stopped", async () => {
  const stopping = new AbortController();
  const running = runHere(gateway.http, ["demo", "--device", "r2"], { signal: stopping.signal });
  const names = ["camera", "detections", "gps", "imu", "log", "mic", "state"];
  await until("all streams have entries", async () => {
    const lengths = await Promise.all(names.map((name) => redis.control.call("XLEN", `r2:${name}`)));
    return lengths.every((length) => Number(length) > 0);
  });
  stopping.abort();
  const { notes } = await running;
  expect(notes.join()).toContain('device "r2" is sending to');
  const length = await redis.control.call("XLEN", "r2:imu");
  expect(Number(length)).toBeGreaterThan(0);
});

test("ends with the error of a gateway that rejects it", async () => {
  await using closed = await startTestGateway(redis.url, { AUTH: "1" });
  await expect(runHere(closed.http, ["demo"])).rejects.toThrow("credentials are missing");
});

import { expect, test } from "vitest";
import { keepConnected } from "../../../client/connection/reconnect.ts";
import { errorFromClose } from "../../../client/errors.ts";
import type { Status } from "../../../client/gateway/gateway.ts";

const backoff = { firstMs: 2, maxMs: 64 };
const retryable = errorFromClose(1001, "");
const final = errorFromClose(1008, "");

function record() {
  const controller = new AbortController();
  const statuses: Status[] = [];
  return {
    controller,
    statuses,
    options: { signal: controller.signal, backoff, onStatus: (status: Status) => statuses.push(status) },
    bounds: () => statuses.flatMap((one) => (one.state === "waiting" ? [one.delayMs] : [])),
  };
}

test("retries retryable errors with growing delays, and stops at a final error", async () => {
  const { options, statuses, bounds } = record();
  let attempts = 0;
  const run = keepConnected(async () => {
    throw ++attempts < 5 ? retryable : final;
  }, options);
  await expect(run).rejects.toBe(final);
  expect(attempts).toBe(5);
  expect(statuses.map(({ state }) => state)).toEqual([
    ...Array.from({ length: 4 }, () => ["connecting", "waiting"]).flat(),
    "connecting",
  ]);
  bounds().forEach((ms, failures) => {
    expect(ms).toBeGreaterThanOrEqual(2 ** failures);
    expect(ms).toBeLessThanOrEqual(2 ** (failures + 1));
  });
});

test("resets the backoff once a connection has proven to work", async () => {
  const { options, bounds } = record();
  let attempts = 0;
  const run = keepConnected(async (proven) => {
    if (++attempts === 5) proven();
    throw attempts < 6 ? retryable : final;
  }, options);
  await expect(run).rejects.toBe(final);
  expect(bounds()[3]).toBeGreaterThanOrEqual(8);
  expect(bounds()[4]).toBeLessThanOrEqual(2);
});

test("rethrows errors that are not StreamerErrors", async () => {
  const bug = new TypeError("bug");
  const run = keepConnected(() => Promise.reject(bug), record().options);
  await expect(run).rejects.toBe(bug);
});

test("ends with the signal's reason during a delay", async () => {
  const { controller, options } = record();
  const reason = new Error("enough");
  const run = keepConnected(() => Promise.reject(retryable), {
    ...options,
    backoff: { firstMs: 3_600_000, maxMs: 3_600_000 },
    onStatus: ({ state }) => state === "waiting" && queueMicrotask(() => controller.abort(reason)),
  });
  await expect(run).rejects.toBe(reason);
});

test("ends when an attempt returns", async () => {
  await expect(keepConnected(() => Promise.resolve(), record().options)).resolves.toBeUndefined();
});

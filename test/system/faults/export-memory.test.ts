/** Memory of exports: it does not depend on their size. */
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { peakBytes, resetPeak } from "../../../bench/attacks/peak.ts";
import { startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { startRedis } from "../../support/redis/redis.ts";

const MB = 1_000_000;
const ENTRIES = 160;
/** Memory that buffers of the first export do not need, such as those that wait for the garbage collector. */
const MAX_GROWTH = 40 * MB;

it("an export of 160 MB needs no more memory than one of 16 MB, but for buffers", async () => {
  await using redis = await startRedis();
  const payload = randomBytes(MB);
  await Promise.all(
    Array.from({ length: ENTRIES }, (_, i) =>
      redis.control.call("XADD", "default:large", `${i + 1}-0`, "d", payload),
    ),
  );
  await using gateway = await startGatewayProcess({ env: { REDIS_URL: redis.url } });
  /** Exports a number of entries, and drops the file. @returns its size */
  const exported = async (entries: number) => {
    const { body } = await fetch(`${gateway.http}/data/large/entries?format=mcap&end=${entries}-0`);
    let bytes = 0;
    for await (const piece of body ?? []) bytes += piece.length;
    return bytes;
  };
  expect(await exported(ENTRIES / 10)).toBeGreaterThan((ENTRIES / 10) * MB);
  const before = peakBytes(gateway.pid);
  resetPeak(gateway.pid);
  expect(await exported(ENTRIES)).toBeGreaterThan(ENTRIES * MB);
  expect(peakBytes(gateway.pid) - before).toBeLessThan(MAX_GROWTH);
});

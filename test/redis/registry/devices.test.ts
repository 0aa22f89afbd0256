/** Devices in real Redis: sets of any size are read in steps, complete and sorted. */

import { expect, test } from "vitest";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { DEVICES_SEEN } from "../../../src/redis/keys.ts";
import { createDeviceRecords } from "../../../src/redis/registry/devices.ts";
import { LargeValues } from "../../../src/redis/registry/stored-values.ts";
import { databaseOver } from "../../../src/redis/resp/commands.ts";
import { startRedis } from "../../support/redis/redis.ts";

test.each([0, 1, 100, 3000, 20_000])("lists %i devices, sorted", async (count) => {
  await using redis = await startRedis();
  const ids = Array.from({ length: count }, (_, i) => `device ${i}`);
  for (let from = 0; from < count; from += 1000)
    await redis.control.call("SADD", DEVICES_SEEN, ...ids.slice(from, from + 1000));
  const { slices: workSlices } = createTurns();
  const devices = createDeviceRecords({
    ...{ database: databaseOver(redis.control), streamMaxLength: 0, workSlices },
    largeValues: new LargeValues(redis.control, 262_144, workSlices),
  });
  expect(await devices.seen()).toEqual(ids.toSorted());
  expect(await devices.connected()).toEqual([]);
  const stats = String(await redis.control.call("INFO", "commandstats"));
  expect(stats).not.toContain("cmdstat_smembers");
});

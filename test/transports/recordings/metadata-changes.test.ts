/** Metadata of recorded streams that changes while it is read, or while Redis is unavailable. */
import { expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import type { LargeRead } from "../../../src/redis/registry/stored-values.ts";
import type { TransportParts } from "../../../src/transports/parts.ts";
import { MetadataChanges } from "../../../src/transports/recordings/metadata-changes.ts";
import { until } from "../../support/until.ts";

/** Starts a watch over stream `a`. */
async function watch(read: (options: LargeRead) => Promise<void>) {
  const found: string[] = [];
  let change: (key: string) => void = () => undefined;
  const streams = {
    registry: { metas: (_keys: readonly string[], options: LargeRead) => read(options) },
    metaWatch: {
      watch: async (onMeta: typeof change) => {
        change = onMeta;
        return () => undefined;
      },
    },
  };
  const changes = new MetadataChanges({ streams } as unknown as TransportParts, {
    onMeta: (_key, meta) => void found.push(String(meta)),
    admit: () => true,
    isRecorded: (key) => key === "a",
    recordedKeys: () => ["a"],
  });
  await changes.start();
  return { changes, found, change: () => change("a") };
}

test("a read that began before a change does not end after the read of the change", async () => {
  const pending: ((value: string) => void)[] = [];
  const { changes, found, change } = await watch(
    ({ onValue }) =>
      new Promise((resolve) => {
        pending.push((value) => {
          onValue("a", Buffer.from(value));
          resolve();
        });
      }),
  );
  await until("the first read", () => pending.length === 1);
  change();
  changes.read(["a"]);
  // Time for a second read, which must not begin before the end of the first one.
  await new Promise((resolve) => setImmediate(resolve));
  expect(pending.length).toBe(1);
  pending[0]?.("old");
  await until("the read of the change", () => pending.length === 2);
  pending[1]?.("new");
  expect(found).toEqual(["old", "new"]);
  changes.close();
});

test("a change is read again if Redis is unavailable for the read, but not for the watch", async () => {
  let reads = 0;
  const { changes, found } = await watch(async ({ onValue }) => {
    reads++;
    if (reads === 1) throw new GatewayError("REDIS_UNAVAILABLE", "the connection is closed");
    onValue("a", Buffer.from("new"));
  });
  await until("it was read", () => found.length > 0);
  expect([reads, found]).toEqual([2, ["new"]]);
  changes.close();
});

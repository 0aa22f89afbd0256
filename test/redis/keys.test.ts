/** Keys that the gateway composes: distinct inputs have distinct keys, and a stream's record is in the stream's slot. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { namingOf } from "../../src/domain/streams/stream-name.ts";
import { dedupeRecordKey } from "../../src/redis/append/dedupe-record.ts";
import { slotOf } from "../../src/redis/cluster/hash-slot.ts";
import { deviceMetaKey, STREAM_META_PREFIX, streamMetaKey } from "../../src/redis/keys.ts";

/** Names of the characters that keys are joined by, and others. */
const names = fc.oneof(
  fc.string({ unit: fc.constantFrom(":", "{", "}", "a", "b", "7"), maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
);

test.each([
  ["dedupe records", dedupeRecordKey],
  ["metadata of streams", streamMetaKey],
  ["metadata of devices", deviceMetaKey],
])("%s of distinct names have distinct keys", (_what, keyOf) => {
  fc.assert(fc.property(names, names, (a, b) => (keyOf(a) === keyOf(b)) === (a === b)));
});

test("keys of different kinds differ, and none is a stream that a client may write", () => {
  fc.assert(
    fc.property(names, names, (a, b) => {
      const keys = [dedupeRecordKey(a), streamMetaKey(b), deviceMetaKey(b)];
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.every((key) => key.startsWith(":"))).toBe(true);
      expect(streamMetaKey(a).slice(STREAM_META_PREFIX.length)).toBe(a);
    }),
  );
});

test("a dedupe record is in the slot of its stream", () => {
  fc.assert(
    fc.property(names, names, (device, id) => {
      const key = namingOf({ device, prefix: "", noDevicePrefix: false, maxNameBytes: 1024 }).keyOf(id);
      expect(slotOf(dedupeRecordKey(key))).toBe(slotOf(key));
    }),
  );
});

import { expect, test } from "vitest";
import {
  deadLetterKey,
  groupsPath,
  parseGroups,
  parsePending,
} from "../../../console/tools/groups/groups.ts";
import { ownFields } from "../../../console/tools/groups/requeue.ts";

test("addresses the groups of a stream of any name", () => {
  expect(groupsPath("rover:cam*", "a/b", "pending")).toBe(
    "data/rover%3Acam*/work/a%2Fb/pending?device_id=&pattern=0",
  );
  expect(deadLetterKey("rover:cam", "detect")).toBe("rover:cam:dead:detect");
});

test("reads groups and pending entries", () => {
  expect(parseGroups([{ group: "detect", lag: null, pending: 1, consumers: 2 }, "x", null])).toEqual([
    { name: "detect", lag: undefined, pending: 1, consumers: 2 },
  ]);
  expect(parsePending([{ id: "5-0", consumer: "w1", idle_ms: 1200, n: 3 }])).toEqual([
    { id: "5-0", consumer: "w1", idleMs: 1200, deliveries: 3 },
  ]);
  for (const other of [undefined, {}, "x"])
    expect([parseGroups(other), parsePending(other)]).toEqual([[], []]);
});

test("removes the fields of a dead letter that the gateway added, and keeps those of the same name", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const added = { stream: bytes("s"), n: bytes("5"), reason: bytes("max_deliver") };
  const fields = new Map<string, Uint8Array | readonly Uint8Array[]>([
    ...Object.entries(added),
    ["id", [bytes("1-0"), bytes("own")]],
    ["qty", bytes("3")],
  ]);
  expect(ownFields(fields)).toEqual({ id: bytes("own"), qty: bytes("3") });
  expect(ownFields(new Map(Object.entries(added)))).toBeUndefined();
  expect(ownFields(undefined)).toBeUndefined();
});

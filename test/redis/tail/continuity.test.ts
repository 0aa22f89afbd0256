/** Unit tests of the continuity check; `../tail-suite.ts` tests it with real tails. */
import { expect, test } from "vitest";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { Continuity } from "../../../src/redis/tail/continuity.ts";

const entry = (id: string) => ({ id: id as EntryId, data: Buffer.from("x") });

/** Reply of the script: length, groups, mark, first and last generated id, entries added, exists, has the position. */
const facts = (length: number, first: string, last: string, added: number) => [
  length,
  0,
  null,
  Buffer.from(first),
  Buffer.from(last),
  added,
  1,
  0,
];

test("does not count an entry twice that was deleted before a read and arrives by the loopback", () => {
  const continuity = new Continuity(createEntrySizes(), () => true);
  const read = { key: "s", count: 10 };
  // 5-1 was appended and deleted before this read, so it is in the number of entries added and not in the reply.
  const first = {
    ...read,
    position: "4-0" as EntryId,
    entries: [entry("5-0")],
    answer: facts(2, "4-0", "5-1", 3),
  };
  expect(continuity.judge(first).verdict).toBe("continues");
  continuity.grow("s", [entry("5-1")]);
  const second = { ...read, position: "5-1" as EntryId, entries: [], answer: facts(2, "4-0", "5-1", 3) };
  expect(continuity.judge(second).verdict).toBe("continues");
  // An entry that is new counts.
  continuity.grow("s", [entry("6-0")]);
  const third = {
    ...read,
    position: "6-0" as EntryId,
    entries: [entry("7-0")],
    answer: facts(1, "7-0", "7-0", 1),
  };
  expect(continuity.judge(third).verdict).toBe("gap");
});

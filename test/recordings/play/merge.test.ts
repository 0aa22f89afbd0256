/** Merging of files: order, and when each is opened. */
import { expect, test } from "vitest";
import { type EntryId, timeOfId } from "../../../src/domain/streams/entry-id.ts";
import { maxBytesAtOnce } from "../../../src/recordings/play/max-at-once.ts";
import { type MergeSource, mergeById } from "../../../src/recordings/play/merge.ts";

/** Returns a source that notes when it is opened and closed. */
function source(name: string, ids: readonly string[], log: string[], startMs?: number): MergeSource<EntryId> {
  return {
    startMs,
    async *open() {
      log.push(`${name} opened`);
      try {
        for (const id of ids) yield id as EntryId;
      } finally {
        log.push(`${name} closed`);
      }
    },
  };
}

async function merged(sources: readonly MergeSource<EntryId>[], log: string[]): Promise<void> {
  for await (const id of mergeById(sources, (one) => one)) log.push(id);
}

test("yields all entries in the order of their ids, and opens a file when its first entry may be next", async () => {
  const log: string[] = [];
  const sources = [
    source("late", ["30-0", "40-0"], log, 30),
    source("early", ["1-0", "10-1", "31-0"], log, 1),
    source("empty", [], log, 5),
    source("unknown", ["10-0"], log),
  ];
  await merged(sources, log);
  expect(log).toEqual([
    ...["unknown opened", "early opened", "1-0", "empty opened", "empty closed", "10-0", "unknown closed"],
    ...["10-1", "late opened", "30-0", "31-0", "early closed", "40-0", "late closed"],
  ]);
});

test("closes what is open when it ends early", async () => {
  const log: string[] = [];
  for await (const id of mergeById(
    [source("a", ["1-0", "2-0"], log), source("b", ["1-1"], log)],
    (one) => one,
  ))
    if (timeOfId(id) === 1) break;
  expect(log).toEqual(["a opened", "b opened", "a closed", "b closed"]);
});

test("chunks that share a moment are in memory together", () => {
  const chunk = (fromMs: number, toMs: number, bytes: number) => ({ fromMs, toMs, bytes });
  expect(maxBytesAtOnce([])).toBe(0);
  expect(maxBytesAtOnce([chunk(0, 10, 4), chunk(11, 20, 5), chunk(21, 30, 3)])).toBe(5);
  expect(maxBytesAtOnce([chunk(0, 10, 4), chunk(10, 20, 5)])).toBe(9);
  expect(maxBytesAtOnce([chunk(0, 30, 1), chunk(5, 6, 2), chunk(7, 9, 4), chunk(8, 20, 8)])).toBe(13);
});

/** Entries that may be missing after a failover. */
import { expect, test } from "vitest";
import type { History, NamedEntry } from "../../../../bench/check/verdict/history.ts";
import { lostIn, withoutLost } from "../../../../bench/check/verdict/takeovers.ts";
import { judge } from "../../../../bench/check/verdict/verdict.ts";

const entryAt = (i: number): NamedEntry => ({ id: `${i + 1}-0`, key: `k${i}` });

/** A stream of ten entries, read by one reader, some of which are lost at the end. */
function history(takeovers: number, lost: readonly number[], length = 10): History {
  const all = Array.from({ length }, (_, i) => i);
  const committed = all.filter((i) => !lost.includes(i)).map(entryAt);
  return {
    pushes: all.map((i) => ({
      stream: "s",
      key: `k${i}`,
      connection: "c",
      order: i,
      resent: false,
      outcome: { id: `${i + 1}-0` },
    })),
    readers: [
      {
        name: "r",
        stream: "s",
        latest: false,
        sessions: [{ cursor: "0", floor: "0-0", entries: all.map(entryAt) }],
      },
    ],
    streams: [{ stream: "s", committed, left: committed.flatMap(({ id }) => id ?? []) }],
    deaths: [],
    takeovers,
  };
}

test("accepts entries lost in a failover", () => {
  const some = history(1, [4, 5]);
  expect([...lostIn(some)].toSorted()).toEqual(["k4", "k5"]);
  expect(judge(some)).not.toEqual([]);
  expect(judge(withoutLost(some))).toEqual([]);
});

test("reports lost entries without a failover, or more than a failover explains", () => {
  expect(judge(withoutLost(history(0, [4])))).not.toEqual([]);
  const masses = Array.from({ length: 1500 }, (_, i) => i);
  expect(judge(withoutLost(history(1, masses, 2000)))).not.toEqual([]);
});

test("still reports other problems after a failover", () => {
  const some = history(1, [4]);
  some.readers[0]?.sessions[0]?.entries.splice(7, 1);
  expect(judge(withoutLost(some))).toHaveLength(1);
});

/** What may be missing after a replica took over, and what may not. */
import { expect, test } from "vitest";
import type { History, NamedEntry } from "../../../bench/check/history.ts";
import { lostIn, withoutLost } from "../../../bench/check/takeovers.ts";
import { judge } from "../../../bench/check/verdict.ts";

const entryAt = (i: number): NamedEntry => ({ id: `${i + 1}-0`, key: `k${i}` });

/** A stream of ten entries, read by one reader, of which some are gone at the end. */
function history(takeovers: number, gone: readonly number[], length = 10): History {
  const all = Array.from({ length }, (_, i) => i);
  const committed = all.filter((i) => !gone.includes(i)).map(entryAt);
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

test("what went with a master is nobody's fault", () => {
  const some = history(1, [4, 5]);
  expect([...lostIn(some)].toSorted()).toEqual(["k4", "k5"]);
  expect(judge(some)).not.toEqual([]);
  expect(judge(withoutLost(some))).toEqual([]);
});

test("without a takeover, or in masses, it is", () => {
  expect(judge(withoutLost(history(0, [4])))).not.toEqual([]);
  const masses = Array.from({ length: 1500 }, (_, i) => i);
  expect(judge(withoutLost(history(1, masses, 2000)))).not.toEqual([]);
});

test("whatever else is wrong is still seen", () => {
  const some = history(1, [4]);
  some.readers[0]?.sessions[0]?.entries.splice(7, 1);
  expect(judge(withoutLost(some))).toHaveLength(1);
});

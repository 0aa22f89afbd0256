/** Lists of names that repeat. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { createNameSorter } from "../../../src/redis/registry/repeated-names.ts";
import { createMerger } from "../../../src/redis/registry/sorted-names.ts";
import { type Reply, ReplyReader } from "../../../src/redis/resp/reader.ts";

const decode = (names: readonly Buffer[]) => names.map(String);
const reply = (names: readonly string[]) =>
  Buffer.from(`*${names.length}\r\n${names.map((name) => `$${name.length}\r\n${name}\r\n`).join("")}`);

/** Parses a reply that arrives in two chunks. */
function parsed(names: readonly string[], split: number): readonly Buffer[] {
  let found: Reply = null;
  const reader = new ReplyReader({ onReply: (value) => (found = value), onPush: () => undefined });
  const bytes = reply(names);
  const at = split % bytes.length;
  if (at > 0) reader.feed(bytes.subarray(0, at));
  reader.feed(bytes.subarray(at));
  return found as unknown as readonly Buffer[];
}

test("names of replies are sorted, whether or not the replies repeat", () => {
  const list = fc.array(fc.stringMatching(/^[adz\r\n$12]{0,4}$/), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(fc.tuple(list, fc.nat(40)), { maxLength: 20 }), (replies) => {
      const sorted = createNameSorter(decode);
      for (const [names, split] of replies) expect(sorted(parsed(names, split))).toEqual(names.toSorted());
    }),
  );
});

test("names with the same bytes, divided elsewhere, are others", () => {
  const sorted = createNameSorter(decode);
  const bytes = Buffer.from("abc");
  expect(sorted([bytes.subarray(0, 1), bytes.subarray(1)])).toEqual(["a", "bc"]);
  expect(sorted([bytes.subarray(0, 2), bytes.subarray(2)])).toEqual(["ab", "c"]);
  expect(sorted([bytes])).toEqual(["abc"]);
});

test("a repeated reply is not decoded again", () => {
  let decoded = 0;
  const sorted = createNameSorter((names) => {
    decoded++;
    return decode(names);
  });
  const first = sorted(parsed(["b", "a"], 0));
  expect(sorted(parsed(["b", "a"], 0))).toBe(first);
  expect(decoded).toBe(1);
});

test("a merge of other lists has another result", () => {
  const merge = createMerger();
  const run = (lists: readonly (readonly string[])[]) => {
    const merging = merge(lists);
    for (;;) {
      const step = merging.next();
      if (step.done) return step.value;
    }
  };
  const [a, b] = [["a", "c"], ["b"]];
  expect(run([a, b])).toEqual(["a", "b", "c"]);
  expect(run([a, b])).toEqual(["a", "b", "c"]);
  expect(run([a])).toEqual(["a", "c"]);
  expect(run([b, a])).toEqual(["a", "b", "c"]);
  expect(run([b, ["d"]])).toEqual(["b", "d"]);
});

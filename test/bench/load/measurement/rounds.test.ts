import { expect, test } from "vitest";
import { compare, measureInTurns } from "../../../../bench/load/measurement/rounds.ts";

test("starts each round with another side", async () => {
  const order: string[] = [];
  const side = (name: string) => async (round: number) => {
    order.push(`${name}${round}`);
    return round;
  };
  expect(await measureInTurns(3, [side("a"), side("b"), side("c")])).toEqual([
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
  ]);
  expect(order).toEqual(["a0", "b0", "c0", "b1", "c1", "a1", "c2", "a2", "b2"]);
});

test("compares medians, and reports the ratios of the single rounds", async () => {
  const theirs = [10, 20, 40];
  const ours = [20, 60, 40];
  const comparison = await compare(
    3,
    async (round) => theirs[round] ?? 0,
    async (round) => ours[round] ?? 0,
  );
  expect(comparison).toEqual({
    reference: 20,
    ours: 40,
    ratio: 2,
    ratios: { median: 2, min: 1, max: 3 },
  });
});

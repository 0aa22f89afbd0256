/** Plan of a run of the attack checker. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ATTACKS } from "../../../bench/attacks/kinds/index.ts";
import { alone, planOf } from "../../../bench/attacks/plan.ts";

const names = ATTACKS.map(({ name }) => name);

test("gives all attacks unique names", () => expect(new Set(names).size).toBe(names.length));

test("derives the whole plan from the seed", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 20), fc.integer({ min: 1, max: 600_000 }), (seed, ms) => {
      expect(planOf(seed, ms, 300, ATTACKS)).toEqual(planOf(seed, ms, 300, ATTACKS));
    }),
  );
});

test("fills the given time, and runs each attack once before any attack runs again", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 20), fc.integer({ min: 1, max: 600_000 }), (seed, ms) => {
      const { rounds, clients, slowClients } = planOf(seed, ms, 300, ATTACKS);
      expect(rounds.reduce((sum, round) => sum + round.ms, 0)).toBe(ms);
      expect(clients + slowClients).toBe(300);
      const dealt = rounds.flatMap((round) => round.names);
      const first = dealt.slice(0, names.length);
      expect(new Set(first).size).toBe(first.length);
    }),
  );
});

test("assigns all clients to a single attack", () => {
  for (const attack of ATTACKS) {
    const { rounds, clients, slowClients } = alone(1, 6000, 10, attack);
    expect(rounds.map((round) => round.names)).toEqual([[attack.name], [attack.name]]);
    expect([clients, slowClients]).toEqual([10, 0]);
  }
});

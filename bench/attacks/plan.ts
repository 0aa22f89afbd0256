/** Plan of a run, derived from its seed: the gateway's settings, and the schedule of attacks. */
import { createRandom, type Random } from "../check/random.ts";
import type { Attack } from "./hostile/attack.ts";

/** Part of a run with a few kinds of attacks, so that a problem can be attributed to them. */
export interface Round {
  readonly names: readonly string[];
  readonly ms: number;
}

/** Plan of a run. */
export interface Plan {
  readonly seed: number;
  /** Whether the gateway requires API keys; the hostile clients then have a key with limited permissions. */
  readonly auth: boolean;
  readonly rounds: readonly Round[];
  /** Clients that run the attacks of the rounds. */
  readonly clients: number;
  /** Further clients that run the slow attacks from start to end. */
  readonly slowClients: number;
  /** Whether healthy clients send large reads: the attacks of all rounds leave room for them. */
  readonly hasLargeReads: boolean;
  /** Time (ms) in which the gateway must release all resources after the last round. */
  readonly releaseMs: number;
}

/** Time (ms) in which the gateway must release all resources after most attacks. */
const RELEASE_MS = 30_000;

const ROUND_MS = 5000;
const ATTACKS_A_ROUND = 10;
const SLOW_SHARE = 1 / 3;

/**
 * Divides the time into rounds of a few attacks, in shuffled order. Every attack runs once before any attack runs again.
 *
 * @param clients number of hostile clients
 */
export function planOf(seed: number, ms: number, clients: number, attacks: readonly Attack[]): Plan {
  const random = createRandom(seed);
  const rounds: Round[] = [];
  let deck: string[] = [];
  for (let left = ms; left > 0; left -= ROUND_MS) {
    if (deck.length < Math.min(ATTACKS_A_ROUND, attacks.length))
      deck = [...deck, ...shuffled(attacks, random)];
    rounds.push({ names: deck.splice(0, ATTACKS_A_ROUND), ms: Math.min(left, ROUND_MS) });
  }
  const slowClients = Math.round(clients * SLOW_SHARE);
  const last = new Set(rounds.at(-1)?.names);
  const all = new Set(rounds.flatMap(({ names }) => names));
  return {
    seed,
    auth: seed % 2 === 1,
    rounds,
    clients: clients - slowClients,
    slowClients,
    hasLargeReads: attacks.every(({ leavesRoom = false }) => leavesRoom),
    releaseMs: Math.max(
      ...attacks.filter(({ name }) => last.has(name)).map(({ releaseMs = RELEASE_MS }) => releaseMs),
      ...attacks.filter(({ name }) => all.has(name)).map(({ releaseMs = 0 }) => releaseMs),
    ),
  };
}

/** Plans a single attack. */
export const alone = (seed: number, ms: number, clients: number, attack: Attack): Plan => ({
  ...planOf(seed, ms, clients, [attack]),
  clients,
  slowClients: 0,
});

function shuffled(attacks: readonly Attack[], random: Random): string[] {
  const names = attacks.map(({ name }) => name);
  for (let i = names.length - 1; i > 0; i--) {
    const j = Math.floor(random.between(0, i + 1));
    const [a = "", b = ""] = [names[i], names[j]];
    names[i] = b;
    names[j] = a;
  }
  return names;
}

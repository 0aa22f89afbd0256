/**
 * Attack checker. Runs hostile clients of every kind next to healthy ones, and fails if a healthy client is slowed down or
 * rejected, if memory exceeds the documented limit, or if resources leak.
 *
 * Exit code: 0 no problem, 1 problems, 2 the check itself failed. Odd seeds run a gateway with `AUTH=1`.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readOptions } from "../arguments.ts";
import { openWorkspace } from "../load/processes/workspace.ts";
import type { Attack } from "./hostile/attack.ts";
import { ATTACKS } from "./kinds/index.ts";
import { alone, planOf } from "./plan.ts";
import { run } from "./run.ts";
import { judge } from "./verdict.ts";

const USAGE = [
  "npm run check:attacks                                 one minute with a random seed, which it prints",
  "npm run check:attacks -- --seed 17 --minutes 5        the same attacks, in the same order, for longer",
  'npm run check:attacks -- --minutes 0.05 --each --only deep    each attack whose name contains "deep", on its own gateway',
  "npm run check:attacks -- --seed 17 --out record.json  also writes the measurements",
  "npm run check:attacks -- --checkout ../other          attacks the built gateway of another checkout",
].join("\n");

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function number(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!(value >= min && value < 2 ** 31))
    throw new Error(`--${name} must be a number from ${min}, got "${text}"`);
  return value;
}

function readPlan() {
  const values = readOptions(USAGE, {
    seed: { type: "string" },
    minutes: { type: "string", default: "1" },
    clients: { type: "string", default: "300" },
    only: { type: "string", default: "" },
    each: { type: "boolean", default: false },
    out: { type: "string" },
    checkout: { type: "string", default: fileURLToPath(new URL("../../../", import.meta.url)) },
  });
  const minutes = number("minutes", values.minutes, 0.01);
  const seed = values.seed === undefined ? Date.now() % 2 ** 20 : Math.floor(number("seed", values.seed, 0));
  const clients = Math.floor(number("clients", values.clients, 1));
  const pattern = new RegExp(values.only, "i");
  const attacks: readonly Attack[] = ATTACKS.filter(({ name }) => pattern.test(name));
  if (attacks.length === 0) throw new Error(`--only must match the name of an attack, got "${values.only}"`);
  const ms = minutes * 60_000;
  const { out, checkout } = values;
  const plans = values.each
    ? attacks.map((attack) => alone(seed, ms, clients, attack))
    : [planOf(seed, ms, clients, attacks)];
  return { plans, out, checkout, minutes };
}

const { dir, children } = openWorkspace("attacks");
try {
  const { plans, out, checkout, minutes } = readPlan();
  for (const plan of plans) {
    say(
      `seed ${plan.seed}: ${plan.clients + plan.slowClients} hostile clients, ${plan.rounds.length} rounds`,
    );
    const record = await run({ plan, checkout, dir, children, say });
    if (out !== undefined) writeFileSync(out, JSON.stringify(record));
    const problems = judge(record);
    for (const problem of problems) say(`PROBLEM ${problem}`);
    say(`seed ${plan.seed}: ${record.healthyWaits} healthy waits measured, ${problems.length} problems`);
    if (problems.length === 0) continue;
    say(`again: npm run check:attacks -- --seed ${plan.seed} --minutes ${minutes}`);
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 2;
} finally {
  children.killAll();
}

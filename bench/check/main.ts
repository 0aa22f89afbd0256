/**
 * History checker. Runs pushers, readers and faults from a seed against real processes, then compares what all clients
 * received with what Redis stored. On a single Redis another program also recreates a stream (`recreated-stream.ts`), posts with
 * similar names are repeated (`similar-posts.ts`), and each gateway records all streams into files (`recordings.ts`).
 *
 * Exit code 1 if an entry was lost, repeated or out of order, 2 if the run failed. The record, the output of the gateways and
 * the state of all servers are then kept in a folder, which is printed. A seed determines the clients and the faults. Process
 * scheduling is not deterministic, so a fault that depends on it may take a few runs to reproduce.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOptions } from "../arguments.ts";
import { inCluster, planOf } from "./plan.ts";
import { run } from "./run.ts";
import { Evidence } from "./verdict/evidence.ts";
import type { History } from "./verdict/history.ts";
import { lostIn, withoutLost } from "./verdict/takeovers.ts";
import { judge } from "./verdict/verdict.ts";

const USAGE = [
  "npm run check:history                                 one minute with a random seed, which it prints",
  "npm run check:history -- --seed 17 --minutes 0.2      repeats that seed",
  "npm run check:history -- --seed 1 --seeds 50          seeds 1 to 50",
  "npm run check:history -- --cluster                    on a cluster with slot migrations and failovers",
  "npm run check:history -- --seed 17 --out history.json also writes the record, for inspection",
].join("\n");

const MAX_PROBLEMS = 20;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function readPlan() {
  const values = readOptions(USAGE, {
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    minutes: { type: "string", default: "1" },
    out: { type: "string" },
    cluster: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  });
  const whole = (name: string, text: string): number => {
    const value = Number(text);
    if (!(Number.isSafeInteger(value) && value >= 0 && value < 2 ** 31))
      throw new Error(`--${name} must be a whole number, got "${text}"`);
    return value;
  };
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 10_000))
    throw new Error(`--minutes must be a number above 0, up to 10000, got "${values.minutes}"`);
  return {
    minutes,
    seed: values.seed === undefined ? Date.now() % 2 ** 31 : whole("seed", values.seed),
    seeds: whole("seeds", values.seeds),
    out: values.out,
    plan: values.cluster ? (seed: number, ms: number) => inCluster(planOf(seed, ms)) : planOf,
    flags: values.cluster ? " --cluster" : "",
    tell: values.quiet ? () => undefined : say,
  };
}

function summary(history: History): string {
  const { pushes, readers, streams, takeovers = 0 } = history;
  const acknowledged = pushes.filter(({ outcome }) => outcome !== undefined && "id" in outcome).length;
  const committed = streams.reduce((sum, stream) => sum + stream.committed.length, 0);
  const read = readers
    .flatMap(({ sessions }) => sessions)
    .reduce((sum, { entries }) => sum + entries.length, 0);
  const lost = takeovers > 0 ? `, ${lostIn(history).size} lost in ${takeovers} failovers` : "";
  return `${pushes.length} pushed, ${acknowledged} acknowledged, ${committed} stored, ${read} read${lost}`;
}

const folders = new Set<string>();
/** Evidence of the current run. */
let evidence: Evidence | undefined;

/** Keeps the evidence of a run that has problems. */
function keepEvidence({ folder }: Evidence): void {
  folders.delete(folder);
  say(`evidence: ${folder}`);
}

process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
try {
  const { minutes, seed: first, seeds, out, plan: decide, flags, tell } = readPlan();
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = decide(seed, minutes * 60_000);
    const dir = mkdtempSync(join(tmpdir(), "redis-streamer-check-"));
    folders.add(dir);
    tell(`seed ${seed}: ${plan.gateways} gateways with ${JSON.stringify(plan.settings)}`);
    evidence = new Evidence(mkdtempSync(join(tmpdir(), "redis-streamer-evidence-")));
    folders.add(evidence.folder);
    const history = await run(plan, dir, evidence, tell);
    rmSync(dir, { recursive: true, force: true });
    if (out !== undefined) writeFileSync(out, JSON.stringify(history));
    const problems = judge(withoutLost(history));
    for (const problem of problems.slice(0, MAX_PROBLEMS)) say(`PROBLEM ${problem}`);
    say(`seed ${seed}: ${summary(history)}, ${plan.faults.length} faults, ${problems.length} problems`);
    if (problems.length === 0) {
      evidence.remove();
      continue;
    }
    writeFileSync(join(evidence.folder, "history.json"), JSON.stringify(history));
    keepEvidence(evidence);
    say(`again: npm run check:history --${flags} --seed ${seed} --minutes ${minutes}`);
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  if (evidence !== undefined) keepEvidence(evidence);
  // Without an explicit exit, the child processes would keep this process running.
  process.exit(2);
}

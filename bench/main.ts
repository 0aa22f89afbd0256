/**
 * The benchmark: ratios of the gateway to references that it starts itself, side by side in one run on one machine.
 *
 * Progress is written to standard error, the table to standard output. Exit code 1 if a row misses its required value or
 * cannot be measured. Leave the machine idle meanwhile: interleaved rounds reduce noise, but do not remove it.
 */
import { cpus, loadavg } from "node:os";
import { readOptions } from "./arguments.ts";
import { startRedis } from "./load/processes/redis.ts";
import { openWorkspace } from "./load/processes/workspace.ts";
import { type Outcome, type Row, whole } from "./row.ts";
import { ROWS } from "./rows/index.ts";
import { createStage, type Stage } from "./stage.ts";
import { markdownTable } from "./table.ts";

const USAGE = [
  "npm run bench                                  all rows, 5 rounds, about 22 minutes",
  "npm run bench -- --only fan-out,latency        some rows",
  "npm run bench -- --rounds 9                    more rounds for the medians",
  "",
  `rows: ${ROWS.map(({ name }) => name).join(", ")}`,
].join("\n");

const HEADINGS = ["row", "reference", "gateway", "ratio", "must", "aim", "verdict"];

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function readArguments(): { rows: readonly Row[]; rounds: number } {
  const values = readOptions(USAGE, { only: { type: "string" }, rounds: { type: "string" } });
  const rounds = Number(values.rounds ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number from 1, got "${values.rounds}"`);
  if (values.only === undefined) return { rows: ROWS, rounds };
  const names = values.only.split(",");
  const unknown = names.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new Error(`no row is called "${unknown}"; there are ${ROWS.map((row) => row.name).join(", ")}`);
  return { rows: ROWS.filter((row) => names.includes(row.name)), rounds };
}

/** @returns whether every row reached its required value */
async function runBenchmark(rows: readonly Row[], rounds: number): Promise<boolean> {
  const { dir, children } = openWorkspace("bench");
  try {
    const redis = await startRedis(children, dir);
    return await measureRows(
      rows,
      createStage(children, redis, rounds, (line) => say(`  ${line}`)),
    );
  } finally {
    children.killAll();
  }
}

async function measureRows(rows: readonly Row[], stage: Stage): Promise<boolean> {
  const cells: string[][] = [HEADINGS];
  let reached = true;
  const start = performance.now();
  const busyBefore = loadavg()[0];
  for (const row of rows) {
    say(`${row.name}: ${row.what}`);
    const outcome = await row.measure(stage).catch((error: Error): Outcome | Error => error);
    if (outcome instanceof Error) {
      say(`  ${outcome.stack ?? outcome.message}`);
      cells.push([row.what, "", outcome.message, "", row.must, row.aim, "**failed**"]);
      reached = false;
    } else {
      const verdict = outcome.verdict === "missed" ? "**missed**" : outcome.verdict;
      cells.push([row.what, outcome.reference, outcome.ours, outcome.ratio, row.must, row.aim, verdict]);
      reached &&= outcome.verdict !== "missed";
    }
    await stage.redis.command("FLUSHALL");
  }
  const redisVersion = /^redis_version:(\S+)/m.exec(await stage.redis.command("INFO", "server"))?.[1];
  const machine = `${cpus().length} × ${cpus()[0]?.model}`;
  process.stdout.write(
    `${markdownTable(cells)}\n\nMedians of ${stage.rounds} interleaved rounds, in ` +
      `${whole((performance.now() - start) / 1000)} s, load average before ${busyBefore?.toFixed(1)}. ` +
      `Node ${process.version}, Redis ${redisVersion}, ${machine}.\n`,
  );
  return reached;
}

try {
  const { rows, rounds } = readArguments();
  process.exitCode = (await runBenchmark(rows, rounds)) ? 0 : 1;
} catch (error) {
  say((error as Error).message);
  process.exitCode = 2;
}

/**
 * Measures how the cost of an operation grows: processor time of the gateway and of Redis, and memory of the gateway,
 * against readers, streams, entry size and history length, each over three decades, with the gateway on one core; and the
 * processor time with one and two workers.
 *
 * Exit code 1 if a cost grows faster than linearly, or with the number of workers.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { readOptions } from "../arguments.ts";
import { median } from "../load/measurement/statistics.ts";
import { type Redis, startRedis } from "../load/processes/redis.ts";
import { openWorkspace } from "../load/processes/workspace.ts";
import { createStage, type Stage } from "../stage.ts";
import { markdownTable } from "../table.ts";
import type { Measured } from "./cost.ts";
import type { Dimension, Point } from "./dimension.ts";
import { replaceGrowth } from "./document.ts";
import { exponentOf, growthOf } from "./exponent.ts";
import { pageDimension, wholeHistoryDimension } from "./history.ts";
import { entrySizeDimension, historyDimension, readersDimension, streamsDimension } from "./live.ts";
import { warmUp } from "./warm-up.ts";
import { WORKERS, WORKERS_TASKS } from "./workers.ts";

const USAGE = [
  "npm run bench:growth                         all, about 7 minutes",
  "npm run bench:growth -- --only readers       one quantity; `workers` for the workers",
  "npm run bench:growth -- --rounds 3           medians of more rounds, for a machine that is not idle",
  "npm run bench:growth -- --write              also replaces the tables in docs/operating.md",
].join("\n");

const DIMENSIONS: readonly Dimension[] = [
  readersDimension,
  streamsDimension,
  entrySizeDimension,
  historyDimension,
  pageDimension,
  wholeHistoryDimension,
];
const HEADINGS = ["operation", "cost", "smallest", "× 10", "× 100", "× 1,000", "exponent", "last decade"];
/** Exponents of linear costs differ by this much between runs. */
const MAX_EXPONENT = 1.1;
/** Smallest costs that are shown: below them, the difference to an idle gateway is noise. */
const MIN_MICROS = 0.5;
const MIN_MEGABYTES = 2;
/** Processor time with two workers, compared with one; two runs with one differ by this much. */
const MAX_BY_WORKERS = 1.15;
const DOCUMENT = "docs/operating.md";
/** Without persistence, and with few periodic tasks, whose cost would be larger than that of a few entries. */
const IN_MEMORY = ["--appendonly", "no", "--hz", "1"];

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** A table, and whether its costs grow as they may. */
interface Result {
  readonly table: string;
  readonly passed: boolean;
}

/** Measures with a new gateway and an empty Redis. */
async function withGateway<T>(
  stage: Stage,
  settings: Readonly<Record<string, string>>,
  measure: (measured: Measured) => Promise<T>,
): Promise<T> {
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0", ...settings });
  try {
    await warmUp(gateway);
    return await measure({ gateway, redis: stage.redis });
  } finally {
    await gateway.stop();
    await stage.redis.command("FLUSHALL");
  }
}

/** Measures all values in each round, so that background load affects all of them. @returns medians by value */
async function measureRounds(
  stage: Stage,
  values: readonly number[],
  measure: (value: number) => Promise<Point>,
): Promise<Point[]> {
  const rounds: Point[][] = [];
  for (let round = 0; round < stage.rounds; round++) {
    const points: Point[] = [];
    for (const value of values) points.push(await measure(value));
    rounds.push(points);
  }
  return values.map((_, i) => {
    const middle = (field: keyof Point) => median(rounds.map((points) => points[i]?.[field] ?? Number.NaN));
    return {
      gatewayMicros: middle("gatewayMicros"),
      redisMicros: middle("redisMicros"),
      memoryBytes: middle("memoryBytes"),
    };
  });
}

async function measureDimensions(stage: Stage, dimensions: readonly Dimension[]): Promise<Result> {
  const rows: string[][] = [HEADINGS];
  let passed = true;
  for (const { name, what, values, measure } of dimensions) {
    const points = await measureRounds(stage, values, async (value) => {
      const point = await withGateway(stage, {}, (measured) => {
        execFileSync("taskset", ["-a", "-p", "-c", "0", String(measured.gateway.pid)]);
        return measure(measured, value);
      });
      say(
        `  ${name} ${value}: gateway ${point.gatewayMicros.toFixed(1)} µs, Redis ${point.redisMicros.toFixed(1)} µs, ` +
          `memory ${(point.memoryBytes / 1e6).toFixed(1)} MB`,
      );
      return point;
    });
    const row = (operation: string, cost: string, costs: readonly number[], min: number) => {
      const counted = costs.map((value) => Math.max(value, min));
      const exponent = exponentOf(values, counted);
      // A constant part hides the growth at small quantities, but not in the last decade.
      const last = exponentOf(values.slice(-2), counted.slice(-2));
      passed &&= Math.max(exponent, last) <= MAX_EXPONENT;
      const cells = costs.map((value) => (value < min ? `< ${min}` : shown(value)));
      rows.push([
        operation,
        cost,
        ...cells,
        `${exponent.toFixed(2)}, ${growthOf(exponent)}`,
        last.toFixed(2),
      ]);
    };
    row(
      what,
      "gateway, µs",
      points.map((point) => point.gatewayMicros),
      MIN_MICROS,
    );
    row(
      "",
      "Redis, µs",
      points.map((point) => point.redisMicros),
      MIN_MICROS,
    );
    row(
      "",
      "memory, MB",
      points.map((point) => point.memoryBytes / 1e6),
      MIN_MEGABYTES,
    );
  }
  return { table: markdownTable(rows), passed };
}

async function measureWorkers(stage: Stage): Promise<Result> {
  const rows: string[][] = [
    ["operation", "cost", ...WORKERS.map((count) => `WORKERS=${count}`), "ratio of processor time"],
  ];
  let passed = true;
  for (const { what, measure } of WORKERS_TASKS) {
    const costs = await measureRounds(stage, WORKERS, async (workers) => {
      const cost = await withGateway(stage, { WORKERS: String(workers) }, measure);
      say(
        `  ${what}, WORKERS=${workers}: gateway ${cost.gatewayMicros.toFixed(1)} µs, Redis ${cost.redisMicros.toFixed(1)} µs`,
      );
      return { ...cost, memoryBytes: 0 };
    });
    const ratioOf = (micros: readonly number[]) => (micros[1] ?? Number.NaN) / (micros[0] ?? Number.NaN);
    const gateway = costs.map((cost) => cost.gatewayMicros);
    const redis = costs.map((cost) => cost.redisMicros);
    passed &&= ratioOf(gateway) <= MAX_BY_WORKERS;
    rows.push([what, "gateway, µs", ...gateway.map(shown), `${ratioOf(gateway).toFixed(2)} ×`]);
    rows.push(["", "Redis, µs", ...redis.map(shown), `${ratioOf(redis).toFixed(2)} ×`]);
  }
  return { table: markdownTable(rows), passed };
}

/** Formats with three digits: `1.23`, `12.3`, `1,234`. */
const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(value < 10 ? 2 : 3);

async function run(stage: Stage, only: readonly string[], redis: Redis): Promise<Result> {
  const dimensions = DIMENSIONS.filter(({ name }) => only.length === 0 || only.includes(name));
  const busyBefore = loadavg()[0];
  const results: Result[] = [];
  if (dimensions.length > 0) results.push(await measureDimensions(stage, dimensions));
  if (only.length === 0 || only.includes("workers")) results.push(await measureWorkers(stage));
  const version = /^redis_version:(\S+)/m.exec(await redis.command("INFO", "server"))?.[1];
  const machine =
    `Node ${process.version}, Redis ${version}, ${cpus().length} × ${cpus()[0]?.model}, ` +
    `load average before ${busyBefore?.toFixed(1)}.`;
  return {
    table: [...results.map(({ table }) => table), machine].join("\n\n"),
    passed: results.every(({ passed }) => passed),
  };
}

const { dir, children } = openWorkspace("growth");
try {
  const values = readOptions(USAGE, {
    only: { type: "string" },
    rounds: { type: "string" },
    write: { type: "boolean" },
  });
  const only = values.only?.split(",") ?? [];
  const rounds = Number(values.rounds ?? 1);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number from 1, got "${values.rounds}"`);
  const names = [...DIMENSIONS.map(({ name }) => name), "workers"];
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only must be one of ${names.join(", ")}, got "${unknown}"`);
  if (values.write === true && only.length > 0)
    throw new Error("--write needs all measurements, without --only");
  const redis = await startRedis(children, dir, IN_MEMORY);
  const { table, passed } = await run(createStage(children, redis, rounds, say), only, redis);
  process.stdout.write(`${table}\n`);
  if (values.write === true) writeFileSync(DOCUMENT, replaceGrowth(readFileSync(DOCUMENT, "utf8"), table));
  process.exitCode = passed ? 0 : 1;
} catch (error) {
  say((error as Error).stack ?? String(error));
  process.exitCode = 2;
} finally {
  children.killAll();
}

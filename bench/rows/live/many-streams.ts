/**
 * 2,000 and 5,000 streams at 10 entries/s each, 100 B, one reader each, for 20 s: whether all are delivered, p99 from push
 * to pull, and the share of a core that Redis uses.
 *
 * The comparison is fair because every stream has its own pull connection (`header=0`) and each entry its own write to Redis.
 * The pushers are devices with 10 sensors each, and every device sends one batch of 10 entries every 100 ms. The devices are
 * spread evenly over these 100 ms, so the load is constant. The processor time of Redis is read from /proc and includes
 * storing and reading. p99 is the median of 4 s windows.
 */

import { type ManyStreamsResult, manyStreams } from "../../load/many-streams.ts";
import { formatBusy } from "../../load/measurement/busy.ts";
import { type Outcome, type Row, type Verdict, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const SENSORS = 10;

interface Task {
  readonly streams: number;
  readonly mustMs: number;
  readonly aimMs: number;
  /** Maximum share of a core that Redis uses. */
  readonly redisShare: number;
}

/** Creates the row of a number of streams. */
function manyStreamsRow(name: string, task: Task): Row {
  const condition = (p99Ms: number) => `all, p99 ≤ ${p99Ms} ms, Redis < ${task.redisShare * 100} %`;
  return {
    name,
    what: `${whole(task.streams)} streams at 10 entries/s, one reader each: delivered, p99, Redis CPU`,
    must: condition(task.mustMs),
    aim: condition(task.aimMs),
    measure: (stage) => measure(stage, task),
  };
}

export const manyStreamsRows: readonly Row[] = [
  manyStreamsRow("many-streams", { streams: 2000, mustMs: 50, aimMs: 10, redisShare: 0.4 }),
  manyStreamsRow("more-streams", { streams: 5000, mustMs: 500, aimMs: 50, redisShare: 1 }),
];

async function measure(stage: Stage, task: Task): Promise<Outcome> {
  const gateway = await stage.startGateway();
  try {
    const result = await manyStreams({
      port: gateway.port,
      devices: task.streams / SENSORS,
      sensors: SENSORS,
      entriesPerSecond: 10,
      entryBytes: 100,
      windows: stage.rounds,
      windowSeconds: 4,
      pids: { gateway: gateway.pid, redis: stage.redis.pid },
    });
    stage.say(`${task.streams} streams: ${describe(result)} (${formatBusy(result.busy)})`);
    return { reference: "", ours: describe(result), ratio: "", verdict: judge(result, task) };
  } finally {
    await gateway.stop();
  }
}

const redisShare = (result: ManyStreamsResult): number => result.busy.redis ?? Number.NaN;

function judge(result: ManyStreamsResult, task: Task): Verdict {
  const complete = result.delivered === result.sent && redisShare(result) < task.redisShare;
  if (!complete || result.p99.median > task.mustMs) return "missed";
  return result.p99.median <= task.aimMs ? "aim" : "must";
}

function describe(result: ManyStreamsResult): string {
  const share = result.delivered === result.sent ? "all" : `${result.delivered} of`;
  const cpu = Math.round(redisShare(result) * 100);
  const { median, min, max } = result.p99;
  const p99 = `${median.toFixed(1)} ms (${min.toFixed(1)} to ${max.toFixed(1)})`;
  return `${share} ${whole(result.sent)}, p99 ${p99}, Redis ${cpu} %`;
}

/**
 * 2,000 streams at 10 entries/s each, 100 B, one reader each, for 20 s: whether all are delivered, p99 from push to pull,
 * and the share of a core that Redis uses. The aim is the same with 5,000 streams.
 *
 * Fair because every stream has its own pull connection (`header=0`) and each entry its own write to Redis. The pushers are
 * devices with 10 sensors each, and every device sends one batch of 10 entries every 100 ms. The devices are spread evenly
 * over these 100 ms, so the load is constant. The processor time of Redis is read from /proc and includes storing and
 * reading. p99 is the median of 4 s windows.
 */
import { formatBusy } from "../load/busy.ts";
import { type ManyStreamsResult, manyStreams } from "../load/many-streams.ts";
import { type Row, type Verdict, whole } from "../row.ts";
import type { Stage } from "../stage.ts";

const MUST_STREAMS = 2000;
const AIM_STREAMS = 5000;
const SENSORS = 10;
const P99_MS = 50;
const REDIS_SHARE = 0.4;

export const manyStreamsRow: Row = {
  name: "many-streams",
  what: "2,000 streams at 10 entries/s, one reader each: delivered, p99, Redis CPU",
  must: `all, p99 < ${P99_MS} ms, Redis < ${REDIS_SHARE * 100} %`,
  aim: "the same with 5,000 streams",
  async measure(stage) {
    const fewer = await attempt(stage, MUST_STREAMS);
    const more = await attempt(stage, AIM_STREAMS);
    const verdict: Verdict = !passes(fewer) ? "missed" : passes(more) ? "aim" : "must";
    return { reference: "", ours: `${describe(fewer)}; 5,000: ${describe(more)}`, ratio: "", verdict };
  },
};

/** A result, or the reason why there is none. */
type Attempt = ManyStreamsResult | string;

async function attempt(stage: Stage, streams: number): Promise<Attempt> {
  const gateway = await stage.startGateway();
  try {
    const result = await manyStreams({
      port: gateway.port,
      devices: streams / SENSORS,
      sensors: SENSORS,
      entriesPerSecond: 10,
      entryBytes: 100,
      windows: stage.rounds,
      windowSeconds: 4,
      pids: { gateway: gateway.pid, redis: stage.redis.pid },
    });
    stage.say(`${streams} streams: ${describe(result)} (${formatBusy(result.busy)})`);
    return result;
  } catch (error) {
    stage.say(`${streams} streams: ${(error as Error).message}`);
    return (error as Error).message;
  } finally {
    await gateway.stop();
    await stage.redis.command("FLUSHALL");
  }
}

const redisShare = (result: ManyStreamsResult): number => result.busy.redis ?? Number.NaN;

const passes = (result: Attempt): boolean =>
  typeof result !== "string" &&
  result.delivered === result.sent &&
  result.p99 < P99_MS &&
  redisShare(result) < REDIS_SHARE;

function describe(result: Attempt): string {
  if (typeof result === "string") return result;
  const share = result.delivered === result.sent ? "all" : `${result.delivered} of`;
  const cpu = Math.round(redisShare(result) * 100);
  return `${share} ${whole(result.sent)}, p99 ${result.p99.toFixed(1)} ms, Redis ${cpu} %`;
}

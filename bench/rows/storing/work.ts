/**
 * Work queue: 4 workers receive and acknowledge the entries (100 B) of a stored stream, each with at most 16 unacknowledged
 * ones; entries per second. The reference are 4 native consumers of the same Redis: `XREADGROUP COUNT 16`, then `XACK`.
 *
 * The comparison is fair because both sides run in this process and connect over TCP, as workers on other machines do; decode
 * and check every entry, hold the same number of entries, and acknowledge all of them; an entry counts when its
 * acknowledgement is confirmed. The gateway also checks that each entry still belongs to its worker, which `XACK` does not.
 */
import { formatBusy } from "../../load/measurement/busy.ts";
import { compare } from "../../load/measurement/rounds.ts";
import { freePort } from "../../load/processes/free-port.ts";
import type { Redis } from "../../load/processes/redis.ts";
import { type WorkLoad, type WorkResult, workNatively, workOverGateway } from "../../load/workers.ts";
import { openPipelined } from "../../reference/pipelined.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(0.5, 1);
const LOAD: WorkLoad = { workers: 4, held: 16, entries: 60_000, entryBytes: 100 };
const KEY = "default:jobs";
/** Rounds that are not counted: a round is half a second, and the JavaScript of both sides gets faster for a while. */
const WARM_UPS = 4;
/** Entries in one pipeline. */
const STORED_AT_ONCE = 1000;

export const workRow: Row = {
  name: "work",
  what: "4 workers of a consumer group, 100 B, 16 unacknowledged each: entries/s",
  ...BAR,
  async measure(stage) {
    const redisPort = await freePort();
    const redis = await stage.startRedis(["--appendonly", "no", "--port", String(redisPort)]);
    const gateway = await stage.startGateway({ REDIS_URL: redis.url, REDIS_STREAM_MAXLEN: "0" });
    const report = (name: string, { perSecond, busy }: WorkResult) => {
      stage.say(`${name}: ${whole(perSecond)} entries/s (${formatBusy(busy)})`);
      return perSecond;
    };
    const native = async (round: number | string) => {
      const group = `native-${round}`;
      await redis.command("XGROUP", "CREATE", KEY, group, "0");
      const result = await workNatively(redisPort, KEY, group, LOAD, { redis: redis.pid });
      return report("native", result);
    };
    const ours = async (round: number | string) => {
      const pids = { gateway: gateway.pid, redis: redis.pid };
      return report("gateway", await workOverGateway(gateway.port, "jobs", `ours-${round}`, LOAD, pids));
    };
    try {
      await store(redis);
      for (let i = 0; i < WARM_UPS; i++) {
        await native(`warm-up-${i}`);
        await ours(`warm-up-${i}`);
      }
      const comparison = await compare(stage.rounds, native, ours);
      return {
        reference: `XREADGROUP ${whole(comparison.reference)}`,
        ours: whole(comparison.ours),
        ratio: ratioCell(comparison),
        verdict: BAR.judge(comparison.ratio),
      };
    } finally {
      await gateway.stop();
      await redis.stop();
    }
  },
};

async function store(redis: Redis): Promise<void> {
  const pipelined = openPipelined({ path: redis.socketPath });
  const entry = ["XADD", KEY, "*", "d", "x".repeat(LOAD.entryBytes)];
  for (let stored = 0; stored < LOAD.entries; stored += STORED_AT_ONCE)
    await pipelined.ask(Array.from({ length: STORED_AT_ONCE }, () => entry));
  pipelined.close();
}

/** Stores the same entries with redis-benchmark and through the gateway, alternately. */
import { storeRaw } from "../reference/raw-redis.ts";
import type { Stage } from "../stage.ts";
import { pushAcknowledged } from "./acked-push.ts";
import { formatBusy } from "./busy.ts";
import { type Comparison, compare } from "./rounds.ts";

/** Options of both sides. */
export interface StoreTask {
  readonly clients: number;
  /** Entries in flight on each client's connection. */
  readonly inFlight: number;
  readonly entryBytes: number;
  /** Number of entries that redis-benchmark stores in a round. */
  readonly rawEntries: number;
  readonly measureMs: number;
}

/**
 * @returns entries stored per second by each side
 * @throws Error if the number of entries in Redis differs from the number of acknowledged entries
 */
export async function storeAgainstRedis(stage: Stage, task: StoreTask): Promise<Comparison> {
  const gateway = await stage.startGateway();
  const { redis } = stage;
  try {
    return await compare(
      stage.rounds,
      async () => {
        const perSecond = await storeRaw(redis, { ...task, entries: task.rawEntries });
        stage.say(`raw Redis: ${Math.round(perSecond)} stored/s`);
        return perSecond;
      },
      async (round) => {
        const stream = `stored-${round}`;
        const { storedPerSecond, stored, busy } = await pushAcknowledged({
          ...task,
          port: gateway.port,
          stream,
          pids: { gateway: gateway.pid, redis: redis.pid },
        });
        stage.say(`gateway: ${Math.round(storedPerSecond)} stored/s (${formatBusy(busy)})`);
        const added = /^entries-added\n(\d+)$/m.exec(
          await redis.command("XINFO", "STREAM", `default:${stream}`),
        )?.[1];
        if (Number(added) !== stored)
          throw new Error(`${stored} entries were acknowledged, but ${added} are stored`);
        await redis.command("UNLINK", `default:${stream}`);
        return storedPerSecond;
      },
    );
  } finally {
    await gateway.stop();
  }
}

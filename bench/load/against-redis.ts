/** The same entries stored by redis-benchmark and through the gateway, in turns. */
import { storeRaw } from "../reference/raw-redis.ts";
import type { Stage } from "../stage.ts";
import { pushAcknowledged } from "./acked-push.ts";
import { formatBusy } from "./busy.ts";
import { type Comparison, compare } from "./rounds.ts";

/** What both sides get. */
export interface StoreTask {
  readonly clients: number;
  /** Entries under way on each client's connection. */
  readonly inFlight: number;
  readonly entryBytes: number;
  /** How many redis-benchmark stores in a round. */
  readonly rawEntries: number;
  readonly measureMs: number;
}

/**
 * @returns entries stored a second on either side
 * @throws Error when Redis holds another number of entries than were acknowledged
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
          throw new Error(`${stored} entries were acknowledged, and ${added} are stored`);
        await redis.command("UNLINK", `default:${stream}`);
        return storedPerSecond;
      },
    );
  } finally {
    await gateway.stop();
  }
}

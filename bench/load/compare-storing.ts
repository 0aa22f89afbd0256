/** Stores the same entries in a reference and through the gateway, alternately. */

import { createJetStream, deleteJetStream, storedInJetStream } from "../reference/nats/jetstream.ts";
import { storeRaw } from "../reference/raw-redis.ts";
import { gatewaySide, natsSide } from "../side.ts";
import type { Stage } from "../stage.ts";
import { type AckedPushLoad, pushAcknowledged } from "./acked-push.ts";
import { formatBusy } from "./measurement/busy.ts";
import { type Comparison, compare } from "./measurement/rounds.ts";
import type { Server } from "./processes/process.ts";
import type { Redis } from "./processes/redis.ts";

/** Options of both sides. */
export type StoreTask = Omit<AckedPushLoad, "side" | "stream">;

/** A limit of JetStream that is never reached: keeping every entry is faster than deleting the oldest ones. */
const UNLIMITED = -1;

/**
 * Compares with redis-benchmark.
 *
 * @param rawEntries number of entries that redis-benchmark stores in a round
 * @returns entries stored per second by each side
 * @throws Error if the number of entries in Redis differs from the number of acknowledged entries
 */
export async function compareWithRawRedis(
  stage: Stage,
  task: StoreTask,
  rawEntries: number,
): Promise<Comparison> {
  const gateway = await stage.startGateway();
  const raw = async () => {
    const perSecond = await storeRaw(stage.redis, { ...task, entries: rawEntries });
    stage.say(`raw Redis: ${Math.round(perSecond)} stored/s`);
    return perSecond;
  };
  try {
    await storeThroughGateway(stage, gateway, stage.redis, task, "warm-up");
    return await compare(stage.rounds, raw, (round) =>
      storeThroughGateway(stage, gateway, stage.redis, task, round),
    );
  } finally {
    await gateway.stop();
  }
}

/**
 * Compares with JetStream, which stores in files. The gateway's Redis appends to its file for each command, and flushes it
 * to the disk every second.
 *
 * @throws Error if the number of stored entries differs from the number of acknowledged entries
 */
export async function compareWithJetStream(stage: Stage, task: StoreTask): Promise<Comparison> {
  const redis = await stage.startRedis(["--appendonly", "yes", "--appendfsync", "everysec"]);
  const nats = await stage.startNats();
  const gateway = await stage.startGateway({ REDIS_URL: redis.url });
  const jetStream = async (round: number | "warm-up") => {
    const stream = `stored-${round}`;
    await createJetStream(nats.port, stream, UNLIMITED);
    const result = await pushAcknowledged({ ...task, side: natsSide(nats), stream });
    stage.say(`JetStream: ${Math.round(result.storedPerSecond)} stored/s (${formatBusy(result.busy)})`);
    requireEqual(result.stored, await storedInJetStream(nats.port, stream));
    await deleteJetStream(nats.port, stream);
    return result.storedPerSecond;
  };
  const ours = (round: number | "warm-up") => storeThroughGateway(stage, gateway, redis, task, round);
  try {
    await jetStream("warm-up");
    await ours("warm-up");
    return await compare(stage.rounds, jetStream, ours);
  } finally {
    await Promise.all([nats.stop(), gateway.stop()]);
    await redis.stop();
  }
}

async function storeThroughGateway(
  stage: Stage,
  gateway: Server,
  redis: Redis,
  task: StoreTask,
  round: number | "warm-up",
): Promise<number> {
  const stream = `stored-${round}`;
  const result = await pushAcknowledged({ ...task, side: gatewaySide(gateway, redis), stream });
  stage.say(`gateway: ${Math.round(result.storedPerSecond)} stored/s (${formatBusy(result.busy)})`);
  const info = await redis.command("XINFO", "STREAM", `default:${stream}`);
  requireEqual(result.stored, Number(/^entries-added\n(\d+)$/m.exec(info)?.[1]));
  await redis.command("UNLINK", `default:${stream}`);
  return result.storedPerSecond;
}

function requireEqual(acknowledged: number, stored: number): void {
  if (stored !== acknowledged)
    throw new Error(`${acknowledged} entries were acknowledged, but ${stored} are stored`);
}

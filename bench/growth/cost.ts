/** Cost of an operation: processor time of the gateway and of Redis, and memory of the gateway. */
import { setTimeout as sleep } from "node:timers/promises";
import { processorMicros, processTree } from "../load/measurement/processor-time.ts";
import type { Server } from "../load/processes/process.ts";
import { minResidentBytes } from "../load/processes/process.ts";
import type { Redis } from "../load/processes/redis.ts";

/** Mean over the operations. */
export interface Cost {
  readonly gatewayMicros: number;
  readonly redisMicros: number;
}

/** The processes that are measured. */
export interface Measured {
  readonly gateway: Server;
  readonly redis: Redis;
}

const BACKGROUND_MS = 2000;
const RESIDENT_MS = 1000;

/**
 * Measures the cost of some work. The cost of the processes without the work, with the same clients connected, is subtracted.
 *
 * @param work returns the number of operations
 */
export async function costOf({ gateway, redis }: Measured, work: () => Promise<number>): Promise<Cost> {
  const look = () => ({
    ms: performance.now(),
    gateway: processTree(gateway.pid).reduce((sum, pid) => sum + processorMicros(pid), 0),
    redis: processorMicros(redis.pid),
  });
  const idle = look();
  await sleep(BACKGROUND_MS);
  const from = look();
  const operations = await work();
  const to = look();
  const background = (to.ms - from.ms) / (from.ms - idle.ms);
  const perOperation = (side: "gateway" | "redis") =>
    Math.max(0, to[side] - from[side] - (from[side] - idle[side]) * background) / operations;
  return { gatewayMicros: perOperation("gateway"), redisMicros: perOperation("redis") };
}

/** Returns the resident memory of a gateway without garbage that is about to be collected. */
export const memoryOf = ({ pid }: Server): Promise<number> => minResidentBytes(pid, RESIDENT_MS);

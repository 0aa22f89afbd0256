/** A Redis and a gateway for all tests of one file. */
import { afterAll } from "vitest";
import { startRedis, type TestRedis } from "../redis/redis.ts";
import { startTestGateway, type TestGateway } from "./gateway.ts";
import { createTestKeys, type TestKeys } from "./keys.ts";
import { guardedBy } from "./tokens.ts";

/** The servers of a test file. */
export interface OwnGateway {
  readonly redis: TestRedis;
  readonly gateway: TestGateway;
}

/**
 * Starts both, and stops them after the last test. Call at the top level of a test file.
 *
 * @param env settings by environment variable
 */
export async function openOwnGateway(env: Record<string, string> = {}): Promise<OwnGateway> {
  const redis = await startRedis();
  afterAll(() => redis[Symbol.asyncDispose]());
  const gateway = await startTestGateway(redis.url, env);
  // Hooks run in reverse order, so the gateway stops before its Redis.
  afterAll(() => gateway.close());
  return { redis, gateway };
}

/** The servers of a test file whose gateway requires authentication, and its keys. */
export interface GuardedGateway extends OwnGateway {
  readonly keys: TestKeys;
}

/** As `openOwnGateway`, with a gateway that accepts the keys and tokens of tests. */
export async function openGuardedGateway(): Promise<GuardedGateway> {
  const keys = createTestKeys();
  afterAll(() => keys[Symbol.dispose]());
  return { keys, ...(await openOwnGateway(guardedBy(keys))) };
}

/** Shared setup of client tests: Redis, a gateway, and a client of it. */
import { vi } from "vitest";
import { WebSocket } from "ws";
import { type ConnectOptions, connect, type Streamer } from "../../client/index.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";

/** Running parts; closing ends them. */
export interface ClientSetup extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly gateway: TestGateway;
  readonly streamer: Streamer;
}

/** Starts the parts. The client for browsers finds the global WebSocket that Node 20 does not have. */
export async function startClientSetup(options: ConnectOptions = {}): Promise<ClientSetup> {
  vi.stubGlobal("WebSocket", WebSocket);
  const redis = await startRedis();
  const gateway = await startTestGateway(redis.url);
  return {
    redis,
    gateway,
    streamer: connect(gateway.http, options),
    async [Symbol.asyncDispose]() {
      vi.unstubAllGlobals();
      await gateway.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

/** Environment of a row: a running Redis, and functions that start servers next to it. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./load/processes/free-port.ts";
import type { Children, Server } from "./load/processes/process.ts";
import { type Redis, startRedis } from "./load/processes/redis.ts";
import { startNats } from "./reference/nats/server.ts";
import { startWebdis } from "./reference/webdis.ts";

/** Passed to every row. Each row stops the servers that it starts. */
export interface Stage {
  /** Number of times that a row measures each side. */
  readonly rounds: number;
  readonly redis: Redis;
  /** Starts the gateway on `redis`, with settings as environment variables. */
  startGateway(settings?: Readonly<Record<string, string>>): Promise<Server>;
  startRelay(): Promise<Server>;
  /** Starts the bare Fastify route, which responds with that many bytes. */
  startFastify(bodyBytes: number): Promise<Server>;
  /** Starts nats-server; the port is that of its WebSocket listener. */
  startNats(): Promise<Server>;
  /** Starts webdis on `redis`. */
  startWebdis(): Promise<Server>;
  /** Starts another Redis in a folder of its own. @param options such as persistence */
  startRedis(options: readonly string[]): Promise<Redis>;
  /** Reports progress. */
  say(line: string): void;
}

const program = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** @param children receives the started processes */
export function createStage(
  children: Children,
  redis: Redis,
  rounds: number,
  say: (line: string) => void,
): Stage {
  const start = async (
    path: string,
    args: (port: number) => string[],
    env: (port: number) => Record<string, string>,
  ) => {
    const port = await freePort();
    const ready = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        (response) => response.ok,
        () => false,
      );
    const child = await children.start(process.execPath, [program(path), ...args(port)], env(port), ready);
    return { ...child, port };
  };
  const none = () => ({});
  return {
    rounds,
    redis,
    say,
    startGateway: (settings = {}) =>
      start(
        "../bin/main.js",
        () => [],
        (port) => ({
          HOST: "127.0.0.1",
          PORT: String(port),
          REDIS_URL: redis.url,
          LOG_FORMAT: "json",
          LOG_LEVEL: "warn",
          ...settings,
        }),
      ),
    startRelay: () => start("./reference/naive-relay.js", (port) => [String(port)], none),
    startFastify: (bodyBytes) =>
      start("./reference/bare-fastify.js", (port) => [String(port), String(bodyBytes)], none),
    startNats: () => startNats(children),
    startWebdis: () => startWebdis(children, redis),
    startRedis: (options) => startRedis(children, mkdtempSync(join(children.dir, "redis-")), options),
  };
}

/** Environment of a row: a running Redis, and functions that start servers next to it. */
import { fileURLToPath } from "node:url";
import { freePort } from "./load/free-port.ts";
import type { Child, Children } from "./load/process.ts";
import type { Redis } from "./load/redis.ts";

/** A server on a TCP port of 127.0.0.1. */
export interface Server extends Child {
  readonly port: number;
}

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
        "../src/main.js",
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
  };
}

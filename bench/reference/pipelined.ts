/**
 * Commands pipelined directly to Redis from this process, with the gateway's own client. Each list is sent in one write,
 * and its replies are decoded to values.
 */
import type { RedisAddress } from "../../src/redis/address/redis-url.ts";
import { Connection } from "../../src/redis/resp/connection.ts";
import type { Reply } from "../../src/redis/resp/reader.ts";

/** Sends commands as a pipeline. */
export interface Pipelined {
  /** @returns the replies, in order @throws Error if one is an error */
  ask(commands: readonly (readonly string[])[]): Promise<readonly Reply[]>;
  close(): void;
}

const ignore = () => undefined;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Connects. @param target the Unix socket or the TCP port of Redis */
export function openPipelined(target: RedisAddress["target"]): Pipelined {
  const address = { target, database: 0 };
  const connection = new Connection({ address, logger: silent, name: "bench", waitMs: 5000 });
  return {
    ask: (commands) =>
      new Promise((resolve, reject) => {
        const replies: Reply[] = [];
        for (const command of commands)
          connection.send(command, (error, reply) => {
            if (error !== undefined) reject(error);
            else if (replies.push(reply) === commands.length) resolve(replies);
          });
      }),
    close: () => connection.close(),
  };
}

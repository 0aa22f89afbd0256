/** GraphQL type `Server`: facts about the gateway and its Redis. */
import type { RedisFacts } from "../../../redis/registry/registry.ts";
import type { Builder } from "./builder.ts";

interface ServerNode {
  readonly version: string;
  readonly redis: RedisFacts;
}

/** Adds the type `Server` and the query `server`. */
export function addServerInfo(builder: Builder): void {
  const server = builder.objectRef<ServerNode>("Server").implement({
    description: "Facts about the gateway and its Redis.",
    fields: (t) => ({
      version: t.exposeString("version", { description: "Version of the gateway." }),
      uptime: t.float({
        description: "Seconds since the gateway process started.",
        resolve: () => process.uptime(),
      }),
      redisVersion: t.string({
        description: "Version of Redis or Valkey.",
        resolve: ({ redis }) => redis.version,
      }),
      redisMode: t.string({
        description: "`standalone`, `sentinel` or `cluster`.",
        resolve: ({ redis }) => redis.mode,
      }),
      redisUptime: t.float({
        description: "Seconds since the Redis process started.",
        resolve: ({ redis }) => redis.uptimeSeconds,
      }),
    }),
  });
  builder.queryField("server", (t) =>
    t.field({
      type: server,
      nullable: true,
      description: "The gateway that answers this request, and its Redis.",
      resolve: async (_root, _args, { config, streams }) => ({
        version: config.version,
        redis: await streams.registry.server(),
      }),
    }),
  );
}

/** What answers: the gateway and its Redis. */
import type { RedisFacts } from "../../../redis/registry/registry.ts";
import type { Builder } from "./builder.ts";

interface ServerNode {
  readonly version: string;
  readonly redis: RedisFacts;
}

/** Adds the type and its query. */
export function addServerInfo(builder: Builder): void {
  const server = builder.objectRef<ServerNode>("Server").implement({
    description: "The gateway and its Redis.",
    fields: (t) => ({
      version: t.exposeString("version", { description: "The gateway's version." }),
      uptime: t.float({
        description: "Seconds since the gateway's process began.",
        resolve: () => process.uptime(),
      }),
      redisVersion: t.string({
        description: "The version of Redis or Valkey.",
        resolve: ({ redis }) => redis.version,
      }),
      redisMode: t.string({
        description: "`standalone`, `sentinel` or `cluster`.",
        resolve: ({ redis }) => redis.mode,
      }),
      redisUptime: t.float({
        description: "Seconds since Redis' process began.",
        resolve: ({ redis }) => redis.uptimeSeconds,
      }),
    }),
  });
  builder.queryField("server", (t) =>
    t.field({
      type: server,
      nullable: true,
      description: "What answers here.",
      resolve: async (_root, _args, { version, registry }) => ({ version, redis: await registry.server() }),
    }),
  );
}

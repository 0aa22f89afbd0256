/** Startup checks of the server: a read-only replica rejects writes, and an evicting one deletes acknowledged entries. */
import { GatewayError } from "../../../domain/errors.ts";
import type { Logger } from "../../../domain/logger.ts";
import type { Commands } from "../commands.ts";

const fieldOf = (info: unknown, name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(String(info))?.[1];

/** Sections that the user may not read count as empty, so their checks pass. */
const infoOf = (commands: Commands, section: string) => commands.call("INFO", section).catch(() => "");

/**
 * Checks that Redis accepts writes.
 *
 * @throws GatewayError REDIS_UNAVAILABLE if it is a read-only replica
 */
export async function requireWritableServer(commands: Commands): Promise<void> {
  const info = await infoOf(commands, "replication");
  if (fieldOf(info, "role") === "slave" && fieldOf(info, "slave_read_only") !== "0")
    throw new GatewayError(
      "REDIS_UNAVAILABLE",
      "Redis is a read-only replica and rejects writes; REDIS_URL must name its master",
    );
}

/** Logs a warning for a read-only replica, and for a `maxmemory-policy` that evicts streams. */
export async function warnOfServer(commands: Commands, logger: Logger): Promise<void> {
  await requireWritableServer(commands).catch((error: Error) => logger.warn({}, error.message));
  const memory = await infoOf(commands, "memory");
  const policy = fieldOf(memory, "maxmemory_policy");
  if (policy === undefined || policy === "noeviction") return;
  logger.warn(
    { policy, maxmemory: Number(fieldOf(memory, "maxmemory")) },
    `Redis's maxmemory-policy is ${policy}: a full Redis deletes acknowledged entries; set it to noeviction`,
  );
}

/**
 * Growth of streams for consumer groups, by `CLIENT TRACKING`: `XLEN` arms the tracking of a stream, and the next `XADD`
 * invalidates it. `XREADGROUP`, `XACK` and `XCLAIM` do not, so that idle groups cost Redis nothing.
 */
import type { Logger } from "../../domain/logger.ts";
import { type Database, databaseOver } from "../resp/commands.ts";
import type { Connection, ConnectionHooks } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { TurnTasks } from "./turn-tasks.ts";

/** Events of growing streams. */
export interface GrowthHooks {
  /** These streams may have grown, and are no longer armed. */
  readonly onGrown: (keys: readonly string[]) => void;
  /** Redis is available, for the first time or again: nothing is armed, and everything may have changed. */
  readonly onReady: () => void;
}

/** Source of growth events, whose `database` arms them. */
export interface Growth {
  /** Commands fail at once while Redis is unavailable. */
  readonly database: Database;
  /** Runs a task at the end of this event-loop turn. Its commands leave in one write with those of the turn. */
  atTurnEnd(task: () => void): void;
  close(): void;
}

/** Opens it. */
export type OpenGrowth = (hooks: GrowthHooks) => Growth;

/** Command that enables tracking on a connection. */
export const TRACK_GROWTH = ["CLIENT", "TRACKING", "ON"] as const;

/** Interval (ms) at which a server without tracking is read. */
const POLL_MS = 250;

/** Receives push messages. */
export const growthOf =
  ({ onGrown, onReady }: GrowthHooks) =>
  ([kind, keys]: Reply[]): void => {
    if (String(kind) !== "invalidate") return;
    if (Array.isArray(keys)) onGrown(keys.map(String));
    else onReady();
  };

/** Growth by one connection. @param open opens it */
export const growthOver =
  (open: (hooks: ConnectionHooks) => Connection, logger: Logger): OpenGrowth =>
  (hooks) => {
    let polling: NodeJS.Timeout | undefined;
    const poll = (reason: string) => {
      if (polling !== undefined) return;
      logger.warn(
        { reason },
        "Redis does not support client tracking: consumer groups are read every 250 ms",
      );
      polling = setInterval(hooks.onReady, POLL_MS);
    };
    const tasks = new TurnTasks();
    const connection = open({
      onPush: growthOf(hooks),
      onFlush: tasks.run,
      // The turn is not flushed any more.
      onLost: () => setImmediate(tasks.run),
      onReady() {
        if (connection.protocol() === 2) poll("it does not speak RESP3");
        else
          connection.send(TRACK_GROWTH, (error) => {
            if (error instanceof ReplyError) poll(error.message);
          });
        hooks.onReady();
      },
    });
    return {
      database: databaseOver(connection),
      atTurnEnd(task) {
        const isFirst = tasks.add(task);
        if (connection.isReady()) connection.flushSoon();
        // Once per turn: with one call for each task, tasks that add others would double the calls in every turn.
        else if (isFirst) setImmediate(tasks.run);
      },
      close() {
        clearInterval(polling);
        connection.close();
      },
    };
  };

/**
 * Tells of changes to streams' metadata, whoever makes them: `CLIENT TRACKING` in broadcast mode says which keys below
 * the prefix changed, and they are read again. It has a connection of its own, while somebody listens.
 */
import { GatewayError } from "../../domain/errors.ts";
import { STREAM_META_PREFIX, streamMetaKey } from "../keys.ts";
import { refusalOf } from "../reply-errors.ts";
import { type Database, databaseOver } from "../resp/commands.ts";
import type { Connection, ConnectionHooks } from "../resp/connection.ts";
import type { Reply } from "../resp/reader.ts";
import { createKeyScan } from "./scan.ts";

/** A stream's metadata is now this JSON; undefined where it was deleted. */
export type OnMeta = (streamKey: string, meta: Buffer | undefined) => void;

/** Changes of metadata. */
export interface MetaWatch {
  /**
   * Calls back for each change from now on. After a time without Redis it tells what there is then, since what happened
   * meanwhile is not known.
   *
   * @returns what ends it
   * @throws GatewayError where Redis does not answer, or cannot track
   */
  watch(onMeta: OnMeta): Promise<() => void>;
  close(): void;
}

/** What tells of changes: a connection, or one to each node of a cluster. */
export interface MetaTracking {
  /** Where the changed metadata is read. */
  readonly database: Database;
  /** Settles when changes are told. */
  readonly armed: Promise<unknown>;
  close(): void;
}

/** What it does. */
export interface MetaTrackingHooks {
  /** A RESP3 push message arrived. */
  readonly onPush: (message: Reply[]) => void;
  /** For a time nothing was told, and now it is again. */
  readonly onAgain: () => void;
}

/** Opens it. */
export type OpenMetaTracking = (hooks: MetaTrackingHooks) => MetaTracking;

/** The command that makes a connection tell. */
export const TRACK_META = ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", STREAM_META_PREFIX] as const;

/** Tracking over one connection. @param open opens it */
export const metaTrackingOver =
  (open: (hooks: ConnectionHooks) => Connection): OpenMetaTracking =>
  ({ onPush, onAgain }) => {
    let isFirst = true;
    const arm = async () => {
      if (connection.protocol() === 2) throw new GatewayError("REDIS_REFUSED", "Redis does not speak RESP3");
      await connection.call(...TRACK_META);
    };
    const connection = open({
      onPush,
      onReady() {
        if (isFirst) isFirst = false;
        // Where this fails the connection is gone again, and the next one does it.
        else
          arm()
            .then(onAgain)
            .catch(() => undefined);
      },
    });
    // Answered when the connection is there, so its protocol is known after it.
    const armed = connection.call("PING").then(arm);
    return { database: databaseOver(connection), armed, close: connection.close };
  };

/** Creates a watch. @param mostKeyBytes longest stream key that is reported, in bytes */
export function createMetaWatch(open: OpenMetaTracking, mostKeyBytes: number): MetaWatch {
  const listeners = new Set<OnMeta>();
  let watching: MetaTracking | undefined;

  function tell(keys: readonly string[], { database }: MetaTracking): void {
    for (const key of keys) {
      database.send(["GET", streamMetaKey(key)], (error, reply) => {
        if (error !== undefined) return;
        for (const listener of listeners) listener(key, Buffer.isBuffer(reply) ? reply : undefined);
      });
    }
  }

  const streamOf = (key: string) => key.slice(STREAM_META_PREFIX.length);

  function start(): MetaTracking {
    const tellAll = async () => {
      const keys = await createKeyScan(started.database, mostKeyBytes).metas();
      tell(keys.map(streamOf), started);
    };
    const started = open({
      onPush([kind, keys]) {
        if (String(kind) !== "invalidate" || !Array.isArray(keys)) return;
        tell(
          keys.map((key) => streamOf(String(key))),
          started,
        );
      },
      // Where this fails Redis is gone again, and this is called again.
      onAgain: () => void tellAll().catch(() => undefined),
    });
    return started;
  }

  function stop(): void {
    watching?.close();
    watching = undefined;
  }

  return {
    async watch(onMeta) {
      watching ??= start();
      listeners.add(onMeta);
      const end = () => {
        if (listeners.delete(onMeta) && listeners.size === 0) stop();
      };
      try {
        await watching.armed;
      } catch (error) {
        end();
        throw refusalOf(error as Error);
      }
      return end;
    },
    close: stop,
  };
}

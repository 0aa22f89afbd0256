/**
 * Metadata watch: reports which streams' metadata any client has changed. `CLIENT TRACKING` in broadcast mode reports the keys
 * with the prefix. It uses its own connection, open while there are listeners.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { callEach, type FaultParts } from "../../observe/faults.ts";
import { STREAM_META_PREFIX } from "../keys.ts";
import { gatewayErrorOf } from "../reply-errors.ts";
import { type Database, databaseOver } from "../resp/commands.ts";
import type { Connection, ConnectionHooks } from "../resp/connection.ts";
import type { Reply } from "../resp/reader.ts";
import { createKeyScan } from "./scan.ts";

/** Receives the key of a stream whose metadata has changed or was deleted. It reads the metadata when it needs it. */
export type OnMeta = (streamKey: string) => void;

/** Changes of metadata. */
export interface MetaWatch {
  /**
   * Calls back for each change from now on. After a reconnect it reports all streams that have metadata, because changes in the
   * meantime are unknown.
   *
   * @returns a function that unsubscribes
   * @throws GatewayError if Redis is unavailable or does not support tracking
   */
  watch(onMeta: OnMeta): Promise<() => void>;
  close(): void;
}

/** Source of changes: a connection, or one to each node of a cluster. */
export interface MetaTracking {
  /** Lists the streams with metadata. */
  readonly database: Database;
  /** Settles when changes are reported. */
  readonly armed: Promise<unknown>;
  close(): void;
}

/** Events of a `MetaTracking`. */
export interface MetaTrackingHooks {
  /** A RESP3 push message arrived. */
  readonly onPush: (message: Reply[]) => void;
  /** Tracking resumed after an interruption. */
  readonly onAgain: () => void;
}

/** Opens it. */
export type OpenMetaTracking = (hooks: MetaTrackingHooks) => MetaTracking;

/** Command that enables tracking on a connection. */
export const TRACK_META = ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", STREAM_META_PREFIX] as const;

/** Tracking over one connection. @param open opens it */
export const metaTrackingOver =
  (open: (hooks: ConnectionHooks) => Connection): OpenMetaTracking =>
  ({ onPush, onAgain }) => {
    let isFirst = true;
    const arm = async () => {
      if (connection.protocol() === 2)
        throw new GatewayError("REDIS_REFUSED", "Redis does not support RESP3");
      await connection.call(...TRACK_META);
    };
    const connection = open({
      onPush,
      onReady() {
        if (isFirst) isFirst = false;
        // If this fails the connection was lost again, and the next one repeats it.
        else
          arm()
            .then(onAgain)
            .catch(() => undefined);
      },
    });
    // The reply arrives after the handshake, so the protocol is known then.
    const armed = connection.call("PING").then(arm);
    return { database: databaseOver(connection), armed, close: () => connection.close() };
  };

/** Creates a watch. @param maxKeyBytes longest stream key that is reported, in bytes */
export function createMetaWatch(
  open: OpenMetaTracking,
  maxKeyBytes: number,
  workSlices: WorkSlices,
  parts: FaultParts,
): MetaWatch {
  const listeners = new Set<OnMeta>();
  let watching: MetaTracking | undefined;

  function report(keys: readonly string[]): void {
    for (const key of keys) callEach(listeners, (listener) => listener(key), "listener of metadata", parts);
  }

  const streamOf = (key: string) => key.slice(STREAM_META_PREFIX.length);

  function start(): MetaTracking {
    const reportAll = async () => {
      report(await createKeyScan(started.database, maxKeyBytes, workSlices).withMeta());
    };
    const started = open({
      onPush([kind, keys]) {
        if (String(kind) !== "invalidate" || !Array.isArray(keys)) return;
        report(keys.map((key) => streamOf(String(key))));
      },
      // If this fails Redis is unavailable again, and the next reconnect repeats it.
      onAgain: () => void reportAll().catch(() => undefined),
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
        throw gatewayErrorOf(error as Error);
      }
      return end;
    },
    close: stop,
  };
}

/**
 * Tells of changes to streams' metadata, whoever makes them: `CLIENT TRACKING` in broadcast mode says which keys below
 * the prefix changed, and they are read again. It has a connection of its own, while somebody listens.
 */
import { GatewayError } from "../domain/errors.ts";
import type { Connection, ConnectionHooks } from "./connection.ts";
import { createKeyScan, globAfter } from "./key-scan.ts";
import { refusalOf } from "./refusal.ts";
import { STREAM_META_PREFIX, streamMetaKey } from "./system-keys.ts";

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

/** Opens the connection that is watched by. */
export type OpenWatching = (hooks: Pick<ConnectionHooks, "onPush" | "onReady">) => Connection;

interface Watching {
  readonly connection: Connection;
  /** Settles when changes are told. */
  readonly armed: Promise<unknown>;
}

/** Makes a watch. */
export function createMetaWatch(open: OpenWatching): MetaWatch {
  const listeners = new Set<OnMeta>();
  let watching: Watching | undefined;

  function tell(keys: readonly string[], connection: Connection): void {
    for (const key of keys) {
      connection.send(["GET", streamMetaKey(key)], (error, reply) => {
        if (error !== undefined) return;
        for (const listener of listeners) listener(key, Buffer.isBuffer(reply) ? reply : undefined);
      });
    }
  }

  function start(): Watching {
    let isFirst = true;
    const arm = async () => {
      if (connection.protocol() === 2) throw new GatewayError("REDIS_REFUSED", "Redis does not speak RESP3");
      await connection.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", STREAM_META_PREFIX);
    };
    const tellAll = async () => {
      const keys = await createKeyScan(connection).keys("string", globAfter(STREAM_META_PREFIX, "*"));
      tell(
        [...keys].map((key) => key.slice(STREAM_META_PREFIX.length)),
        connection,
      );
    };
    const connection = open({
      onPush([kind, keys]) {
        if (String(kind) !== "invalidate" || !Array.isArray(keys)) return;
        tell(
          keys.map((key) => String(key).slice(STREAM_META_PREFIX.length)),
          connection,
        );
      },
      onReady() {
        if (isFirst) isFirst = false;
        // Where this fails the connection is gone again, and the next one does it.
        else
          arm()
            .then(tellAll)
            .catch(() => undefined);
      },
    });
    // Answered when the connection is there, so its protocol is known after it.
    return { connection, armed: connection.call("PING").then(arm) };
  }

  function stop(): void {
    watching?.connection.close();
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

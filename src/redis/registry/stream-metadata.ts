/** Metadata of streams, stored as JSON under a key of its own. */
import { GatewayError } from "../../domain/errors.ts";
import { streamMetaKey } from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/** Changes of metadata. All methods throw `GatewayError` if Redis is unavailable. */
export interface StreamMetadata {
  /** Stores a stream's metadata, JSON. */
  setStreamMeta(key: string, meta: string): Promise<boolean>;
  /**
   * Changes a stream's metadata safely under concurrent changes.
   *
   * @param change computes the new JSON from the old, or returns undefined to keep the old; called again if the old one
   *   changed in the meantime
   * @returns whether metadata was stored
   */
  changeStreamMeta(key: string, change: (old: Buffer | undefined) => string | undefined): Promise<boolean>;
}

const COMPARE_AND_SET = `local old = redis.call('GET', KEYS[1])
if (old or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`;
const MAX_TRIES = 100;

/** Creates the functions that change metadata. */
export function createStreamMetadata(database: Database): StreamMetadata {
  const call = (...args: readonly Argument[]): Promise<Reply> => withGatewayErrors(database.call(...args));
  return {
    async setStreamMeta(key, meta) {
      return (await call("SET", streamMetaKey(key), meta)) === "OK";
    },

    async changeStreamMeta(key, change) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const old = metaOf(await call("GET", streamMetaKey(key)));
        const json = change(old);
        if (json === undefined) return false;
        const changed = await call("EVAL", COMPARE_AND_SET, 1, streamMetaKey(key), old ?? "", json);
        if (changed === 1) return true;
      }
      throw new GatewayError("REDIS_REFUSED", "the metadata is being changed concurrently; try again");
    },
  };
}

/** Returns the metadata in a reply to `GET`. */
export const metaOf = (reply: Reply): Buffer | undefined => (Buffer.isBuffer(reply) ? reply : undefined);

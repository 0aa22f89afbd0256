/** Metadata of streams, stored as JSON under a key of its own. */
import pLimit from "p-limit";
import { GatewayError } from "../../domain/errors.ts";
import { checkMetaBytes, metaTooLarge } from "../../domain/streams/metadata-size.ts";
import { streamMetaKey } from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { firstReadCommand, firstReadOf } from "./stored-values.ts";

/** Changes of metadata. All methods throw `GatewayError` if Redis is unavailable, and TOO_LARGE above `MAX_META_BYTES`. */
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

/** Changes of large metadata at a time: one request can change that of a thousand streams. */
const LARGE_CHANGES_AT_ONCE = 2;

const NEW = "the metadata of a stream";
const STORED = "the stored metadata of the stream";

/** Creates the functions that change metadata. @param maxBytes `MAX_META_BYTES` */
export function createStreamMetadata(database: Database, maxBytes: number): StreamMetadata {
  const call = (...args: readonly Argument[]): Promise<Reply> => withGatewayErrors(database.call(...args));
  const large = pLimit(LARGE_CHANGES_AT_ONCE);

  type Change = (old: Buffer | undefined) => string | undefined;

  /** @returns whether metadata was stored; undefined if the old one has changed */
  async function replace(key: string, old: Buffer | undefined, change: Change): Promise<boolean | undefined> {
    const json = change(old);
    if (json === undefined) return false;
    checkMetaBytes(json, NEW, maxBytes);
    const changed = await call("EVAL", COMPARE_AND_SET, 1, streamMetaKey(key), old ?? "", json);
    return changed === 1 || undefined;
  }

  async function replaceLarge(key: string, change: Change): Promise<boolean | undefined> {
    const old = await call("GETRANGE", streamMetaKey(key), 0, maxBytes);
    if (!Buffer.isBuffer(old) || old.length === 0) return undefined;
    if (old.length > maxBytes)
      throw metaTooLarge(STORED, Number(await call("STRLEN", streamMetaKey(key))), maxBytes);
    return replace(key, old, change);
  }

  return {
    async setStreamMeta(key, meta) {
      checkMetaBytes(meta, NEW, maxBytes);
      return (await call("SET", streamMetaKey(key), meta)) === "OK";
    },

    async changeStreamMeta(key, change) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const old = firstReadOf(await call(...firstReadCommand(streamMetaKey(key))));
        const isChanged =
          old === "large" ? await large(() => replaceLarge(key, change)) : await replace(key, old, change);
        if (isChanged !== undefined) return isChanged;
      }
      throw new GatewayError("REDIS_REFUSED", "the metadata is being changed concurrently; try again");
    },
  };
}

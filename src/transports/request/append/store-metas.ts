/** Stores metadata of streams that the gateway writes, such as recorded content types, unless a stream has its own. */
import { GatewayError } from "../../../domain/errors.ts";
import { isObject } from "../../../domain/is-object.ts";
import { valueOfJson } from "../../../wire/json/value-of-json.ts";
import { lossyTextOf } from "../../../wire/utf8.ts";
import type { TransportParts } from "../../parts.ts";

/**
 * Stores the metadata, as far as it is permitted: the others of a recording are stored also if some is too large.
 *
 * @param metas JSON by recorded key @param targets keys of the streams by recorded key
 * @throws GatewayError if Redis is unavailable
 */
export async function storeMetas(
  metas: readonly (readonly [key: string, meta: string])[],
  targets: ReadonlyMap<string, string>,
  { streams: { registry, retention, declarations }, observe: { logger } }: TransportParts,
): Promise<void> {
  for (const [key, meta] of metas) {
    const target = targets.get(key);
    if (target === undefined || !isFilled(meta)) continue;
    const isStored = await registry
      .changeStreamMeta(target, (old) => (old !== undefined && isFilled(lossyTextOf(old)) ? undefined : meta))
      .catch((error: unknown) => {
        if (!(error instanceof GatewayError) || error.code !== "TOO_LARGE") throw error;
        logger.warn({ stream: target, problem: error.message }, "the metadata of a stream is not stored");
        return false;
      });
    if (!isStored) continue;
    retention.learn(target, meta);
    declarations.forget(target);
  }
}

function isFilled(meta: string): boolean {
  const value = valueOfJson(meta);
  return isObject(value) && Object.keys(value).length > 0;
}

/** Bounds of streams, for the lags of connections. */
import type { Bounds, ReadBounds } from "../access/reader-lags.ts";
import { GatewayError } from "../domain/errors.ts";
import { within } from "../domain/scheduling/timeout.ts";
import type { TransportParts } from "../transports/parts.ts";

/** Time in ms after which lags are unknown. A peer waits longer for a list of connections. */
const TIMEOUT_MS = 1000;

/** Creates the reader. It does not wait for a Redis that does not reply, because connections are listed then, too. */
export function createBoundsReader({
  registry,
  availability,
}: Pick<TransportParts["streams"], "registry" | "availability">): ReadBounds {
  return async (keys) => {
    if (availability.unavailableSince() !== undefined) return undefined;
    let isWanted = true;
    const reading = registry
      .streams(keys, { depth: "facts", meta: false, client: "lags", isWanted: () => isWanted })
      .catch((error: unknown) => {
        if (error instanceof GatewayError) return undefined;
        throw error;
      });
    const records = await within(TIMEOUT_MS, reading);
    isWanted = false;
    if (records === undefined) return undefined;
    const bounds = new Map<string, Bounds>();
    for (const [i, key] of keys.entries()) {
      const { first, last } = records[i]?.details ?? {};
      if (first !== undefined && last !== undefined) bounds.set(key, { first: first.id, last: last.id });
    }
    return bounds;
  };
}

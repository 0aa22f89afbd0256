/** Streams that a property changes over a connection of its own, with a record of all that was ever in them. */
import { type EntryId, FIRST_ID, idBefore } from "../../src/domain/entry-id.ts";
import type { Connection } from "../../src/redis/connection.ts";
import type { Reply } from "../../src/redis/resp-reader.ts";
import type { Engine } from "../support/engine.ts";
import { until } from "../support/until.ts";

/** The streams of one run. */
export interface World {
  readonly keys: readonly string[];
  /** All ids ever appended, in order. */
  appended(key: string): readonly EntryId[];
  /** Does not wait for Redis. */
  append(key: string, entries: number, bytes: number): void;
  /** Resolves when all of that is done, and the live tail has seen it. */
  settle(): Promise<void>;
}

const entryIdsOf = (reply: Reply) =>
  (Array.isArray(reply) ? reply : []).map((entry) => String(Array.isArray(entry) ? entry[0] : "") as EntryId);

/** Makes a world of streams that do not exist yet. */
export function createWorld(control: Connection, engine: Engine, keys: readonly string[]): World {
  const appended = new Map<string, EntryId[]>(keys.map((key) => [key, []]));
  let pending: Promise<unknown>[] = [];

  const newest = async (key: string, cursor: EntryId, count: number) =>
    entryIdsOf(await control.call("XREVRANGE", key, "+", `(${cursor}`, "COUNT", count)).reverse();

  return {
    keys,
    appended: (key) => appended.get(key) ?? [],
    append(key, entries, bytes) {
      const payload = Buffer.alloc(bytes, "x");
      for (let i = 0; i < entries; i++)
        pending.push(
          control
            .call("XADD", key, "*", "d", payload)
            .then((id) => appended.get(key)?.push(String(id) as EntryId)),
        );
    },
    async settle() {
      await Promise.all(pending);
      pending = [];
      for (const key of keys) {
        const [last] = await newest(key, FIRST_ID, 1);
        const before = last && idBefore(last);
        if (before === undefined) continue;
        const isSeen = () => engine.hub.recent(key) === undefined || !engine.hub.isAtEnd(key, before);
        await until(`the tail sees ${last} of ${key}`, isSeen);
      }
    },
  };
}

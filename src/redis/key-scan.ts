/**
 * Which streams there are. Redis has no index of them, so this is a walk over all keys, by `SCAN`. The walk holds the
 * server for as long as one `SCAN` takes, and costs a round trip for each, so its `COUNT` is what the database is
 * known to hold: one round trip, until that would hold everybody else up for too long.
 */
import { isUtf8 } from "node:buffer";
import type { Argument } from "./command-writer.ts";
import type { Connection } from "./connection.ts";
import { refusalOf } from "./refusal.ts";
import type { Reply } from "./resp-reader.ts";

/** Walks over the keys of the database. */
export interface KeyScan {
  /**
   * The keys of a type, in no order. Keys that are not UTF-8 have no name that a client could say, and are left out.
   *
   * @param match a glob as Redis knows it (Redis: `KEYS`); absent for all
   * @throws GatewayError where Redis does not answer
   */
  keys(type: "stream" | "string", match?: string): Promise<ReadonlySet<string>>;
}

/** The least `COUNT`: on a database of fewer keys a walk ends with the first answer anyway. */
const LEAST_COUNT = 10_000;
/** The greatest one: about 20 ms in which the server does nothing else. */
const MOST_COUNT = 100_000;

/** Makes a walker over the keys that a connection sees. */
export function createKeyScan(connection: Connection): KeyScan {
  /** Keys in the database when it was last asked. */
  let size = 0;

  const learnSize = () => {
    connection.send(["DBSIZE"], (error, reply) => {
      if (error === undefined && typeof reply === "number") size = reply;
    });
  };

  async function page(cursor: string, type: string, match: string | undefined) {
    // Twice what there was: a hash table has at most so many buckets for its keys unless it has just shrunk.
    const count = Math.max(LEAST_COUNT, Math.min(MOST_COUNT, size * 2));
    const args: Argument[] = ["SCAN", cursor, "COUNT", count, "TYPE", type];
    const reply = await connection.call(...args, ...(match === undefined ? [] : ["MATCH", match]));
    return scanReply(reply);
  }

  learnSize();
  return {
    async keys(type, match) {
      const found = new Set<string>();
      try {
        learnSize();
        let cursor = "0";
        do {
          const { next, keys } = await page(cursor, type, match);
          for (const key of keys) {
            const name = key.toString();
            // What is no UTF-8 is decoded to this character; to look for it costs less than to check every key.
            if (!name.includes("\ufffd") || isUtf8(key)) found.add(name);
          }
          cursor = next;
        } while (cursor !== "0");
      } catch (error) {
        throw refusalOf(error as Error);
      }
      return found;
    },
  };
}

function scanReply(reply: Reply): { readonly next: string; readonly keys: readonly Buffer[] } {
  const [next, keys] = Array.isArray(reply) ? reply : [];
  if (!Buffer.isBuffer(next) || !Array.isArray(keys)) throw new Error("Redis answered SCAN with no cursor");
  return { next: next.toString("latin1"), keys: keys.filter((key) => Buffer.isBuffer(key)) };
}

/** A glob that matches exactly this text and whatever `rest` matches behind it. */
export const globAfter = (text: string, rest: string): string =>
  `${text.replace(/[\\*?[\]^-]/g, "\\$&")}${rest}`;

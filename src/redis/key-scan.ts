/**
 * Which streams there are. Redis has no index of them, so this is a walk over all keys, by `SCAN`. Each step is a round
 * trip, and holds the server for as long as it takes: steps are as large as nobody minds.
 */
import { isUtf8 } from "node:buffer";
import type { Commands, Database } from "./commands.ts";
import { refusing } from "./refusal.ts";
import type { Reply } from "./resp-reader.ts";

/** Walks over the keys of the database, on all its servers at once. */
export interface KeyScan {
  /**
   * The keys of a type, in no order. Keys that are not UTF-8 have no name that a client could say, and are left out.
   *
   * @param match a glob as Redis knows it (Redis: `KEYS`); absent for all
   * @throws GatewayError where Redis does not answer
   */
  keys(type: "stream" | "string", match?: string): Promise<ReadonlySet<string>>;
}

/** Keys of one step: some 10 ms in which the server does nothing else. Most databases are walked in one. */
const STEP_KEYS = 20_000;

/** Makes a walker over the keys of a database. */
export function createKeyScan(database: Database): KeyScan {
  async function walk(server: Commands, type: string, match: string | undefined, found: Set<string>) {
    const filter = match === undefined ? [] : ["MATCH", match];
    let cursor = "0";
    do {
      const reply = await server.call("SCAN", cursor, "COUNT", STEP_KEYS, "TYPE", type, ...filter);
      const { next, keys } = scanReply(reply);
      for (const key of keys) {
        const name = key.toString();
        // What is no UTF-8 is decoded to this character; to look for it costs less than to check every key.
        if (!name.includes("\ufffd") || isUtf8(key)) found.add(name);
      }
      cursor = next;
    } while (cursor !== "0");
  }

  return {
    async keys(type, match) {
      const found = new Set<string>();
      await refusing(database.onEach((server) => walk(server, type, match, found)));
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

/** Ticket store in Redis: short texts that expire and can be redeemed once. */
import type { Commands } from "../resp/commands.ts";

const PREFIX = ":ticket:";

/** Stores texts, each of which can be taken once. Its methods throw the errors of the commands. */
export interface RedisTicketStore {
  put(name: string, value: string, ttlMs: number): Promise<void>;
  take(name: string): Promise<string | undefined>;
}

/** Creates the store. */
export function createTicketStore(commands: Commands): RedisTicketStore {
  return {
    async put(name, value, ttlMs) {
      await commands.call("SET", PREFIX + name, value, "PX", String(ttlMs));
    },
    async take(name) {
      // Atomic, so that of two concurrent callers only one receives the value.
      const value = await commands.call("GETDEL", PREFIX + name);
      return Buffer.isBuffer(value) ? value.toString() : undefined;
    },
  };
}

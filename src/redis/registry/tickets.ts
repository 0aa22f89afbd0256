/** Tickets in Redis: short texts that go away by themselves, and are taken out once. */
import type { Commands } from "../resp/commands.ts";

const PREFIX = ":ticket:";

/** A store of texts, each taken out once. Its methods throw what a command throws. */
export interface RedisTicketStore {
  put(name: string, value: string, ttlMs: number): Promise<void>;
  take(name: string): Promise<string | undefined>;
}

/** Makes the store. */
export function createTicketStore(commands: Commands): RedisTicketStore {
  return {
    async put(name, value, ttlMs) {
      await commands.call("SET", PREFIX + name, value, "PX", String(ttlMs));
    },
    async take(name) {
      // One step, so that of two who come at once one comes too late.
      const value = await commands.call("GETDEL", PREFIX + name);
      return Buffer.isBuffer(value) ? value.toString() : undefined;
    },
  };
}

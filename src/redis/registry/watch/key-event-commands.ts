/** Commands that make a server report changes of keys: keyspace events, or `CLIENT TRACKING` in broadcast mode. */
import type { Commands } from "../../resp/commands.ts";
import { ReplyError } from "../../resp/reader.ts";

/** Reads `notify-keyspace-events`; undefined if the gateway may not. */
export async function flagsOf(server: Commands): Promise<string | undefined> {
  try {
    const reply = await server.call("CONFIG", "GET", "notify-keyspace-events");
    return Array.isArray(reply) ? String(reply[1] ?? "") : undefined;
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}

/** Whether created keys are reported. `A` stands for all classes but `n`. */
export const reportsCreations = (flags = ""): boolean => flags.includes("K") && flags.includes("n");
/** Whether removed keys are reported. */
export const reportsRemovals = (flags = ""): boolean =>
  flags.includes("A") || ["g", "x", "e"].every((flag) => flags.includes(flag));

/** Ends the name of a channel before the key: `__keyspace@0__:rover:cam`. */
export const CHANNEL_END = "__:";
/** Pattern of the channels of keys with a prefix. */
export const channelsOf = (prefix: string): string =>
  `__keyspace@*${CHANNEL_END}${prefix.replace(/[\\*?[\]]/g, (one) => `\\${one}`)}*`;

/** Subscribes to keyspace events. @returns whether flushes, which cause no keyspace event, are reported as well */
export async function subscribe(server: Commands, prefixes: readonly string[]): Promise<boolean> {
  for (const prefix of prefixes) await server.call("PSUBSCRIBE", channelsOf(prefix));
  try {
    // Tracks no key, because the commands of this connection do not opt in.
    await server.call("CLIENT", "TRACKING", "ON", "OPTIN");
    return true;
  } catch (error) {
    if (error instanceof ReplyError) return false;
    throw error;
  }
}

/** Tracks all keys with the prefixes. */
export async function track(server: Commands, prefixes: ReadonlySet<string>): Promise<void> {
  await server.call("CLIENT", "TRACKING", "OFF");
  await server.call(
    ...["CLIENT", "TRACKING", "ON", "BCAST"],
    ...withoutOverlaps([...prefixes]).flatMap((prefix) => (prefix === "" ? [] : ["PREFIX", prefix])),
  );
}

/** Drops prefixes that begin with another one: Redis rejects overlapping prefixes. */
function withoutOverlaps(prefixes: readonly string[]): readonly string[] {
  return prefixes.filter((one) => !prefixes.some((other) => other !== one && one.startsWith(other)));
}

/** Groups of a stream, and their pending entries. Every method throws `GatewayError`. */
import { GatewayError } from "../../../domain/errors.ts";
import type { EntryId } from "../../../domain/streams/entry-id.ts";
import { gatewayErrorOf, withGatewayErrors } from "../../reply-errors.ts";
import type { Commands } from "../../resp/commands.ts";
import type { Reply } from "../../resp/reader.ts";
import { listOf } from "../held-entry.ts";
import { isNoGroup } from "./connections.ts";

/** One group of a stream. */
export interface GroupInfo {
  readonly name: string;
  readonly consumers: number;
  /** Entries that were delivered and are not done. */
  readonly pending: number;
  readonly lastDelivered: string;
  /** Entries that were not delivered yet; undefined if Redis does not know it, as before version 7. */
  readonly lag: number | undefined;
}

/** One entry that was delivered and is not done. */
export interface PendingEntry {
  readonly id: EntryId;
  readonly consumer: string;
  readonly idleMs: number;
  readonly n: number;
}

/** Entries of a group that are not done. */
export interface GroupBacklog {
  readonly key: string;
  /** Delivered, and not acknowledged. */
  readonly pending: number;
  /** Not delivered yet; 0 if Redis does not know it. */
  readonly lag: number;
}

/** Maximum number of streams whose backlogs are read. Each takes a command. */
const MAX_BACKLOG_STREAMS = 1000;

/** Lists, inspects and removes groups. */
export class GroupRegistry {
  readonly #redis: Commands;

  constructor(redis: Commands) {
    this.#redis = redis;
  }

  /** Lists the groups of a stream. */
  async list(key: string): Promise<readonly GroupInfo[]> {
    const reply = await withGatewayErrors(this.#redis.call("XINFO", "GROUPS", key));
    return listOf(reply).map(groupOf);
  }

  /** Lists the oldest entries that were delivered and are not done. */
  async pending(key: string, group: string, count: number): Promise<readonly PendingEntry[]> {
    try {
      const reply = await this.#redis.call("XPENDING", key, group, "-", "+", count);
      return listOf(reply).map(pendingOf);
    } catch (error) {
      if (isNoGroup(error as Error)) throw noGroup(group);
      throw gatewayErrorOf(error as Error);
    }
  }

  /**
   * Returns the backlogs of groups. A stream that cannot be read is left out.
   *
   * @param groups names of the groups, by stream key
   */
  async backlogs(
    groups: Iterable<readonly [key: string, names: { has(name: string): boolean }]>,
  ): Promise<readonly GroupBacklog[]> {
    const some = [...groups].slice(0, MAX_BACKLOG_STREAMS);
    const found = await Promise.all(
      some.map(async ([key, names]) => {
        const all = await this.list(key).catch(() => []);
        return all
          .filter(({ name }) => names.has(name))
          .map(({ pending, lag = 0 }): GroupBacklog => ({ key, pending, lag }));
      }),
    );
    return found.flat();
  }

  /** Removes a group. @returns whether it existed */
  async destroy(key: string, group: string): Promise<boolean> {
    // Without the stream, Redis rejects the command.
    if ((await withGatewayErrors(this.#redis.call("EXISTS", key))) === 0) return false;
    return (await withGatewayErrors(this.#redis.call("XGROUP", "DESTROY", key, group))) === 1;
  }
}

/** Creates the error for a group that does not exist. */
export const noGroup = (group: string): GatewayError =>
  new GatewayError("NOT_FOUND", `the stream has no consumer group ${JSON.stringify(group.slice(0, 100))}`);

function groupOf(reply: Reply): GroupInfo {
  const flat = listOf(reply);
  const values = new Map<string, Reply>();
  for (let i = 0; i + 1 < flat.length; i += 2) values.set(String(flat[i]), flat[i + 1] ?? null);
  const lag = values.get("lag");
  return {
    name: String(values.get("name")),
    consumers: Number(values.get("consumers")),
    pending: Number(values.get("pending")),
    lastDelivered: String(values.get("last-delivered-id")),
    lag: typeof lag === "number" ? lag : undefined,
  };
}

function pendingOf(reply: Reply): PendingEntry {
  const [id, consumer, idleMs, n] = listOf(reply);
  return { id: String(id) as EntryId, consumer: String(consumer), idleMs: Number(idleMs), n: Number(n) };
}

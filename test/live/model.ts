/** Streams that a property test changes over its own connection, with a record of all entries. */
import { compareIds, type EntryId, FIRST_ID, idBefore } from "../../src/domain/streams/entry-id.ts";
import type { Reply } from "../../src/redis/resp/reader.ts";
import type { Engine } from "../support/gateway/engine.ts";
import { SPOILT } from "../support/gateway/reader.ts";
import { killConnections, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

/** The streams of one run. */
export interface Model {
  readonly keys: readonly string[];
  /** All ids ever appended, in order. */
  appended(key: string): readonly EntryId[];
  /** Ids that were deleted one by one, which do not count as gaps. */
  readonly deleted: ReadonlySet<EntryId>;
  /** None of these functions but `restart` waits for Redis. */
  append(key: string, entries: number, bytes: number): void;
  /** Like `append`, but through the engine, so the entries use loopback. */
  appendOwn(key: string, entries: number, bytes: number): void;
  /** Appends and trims in one transaction, so that no reader can read in between. */
  burst(key: string, entries: number, keep: number): void;
  trim(key: string, keep: number): void;
  deleteNewest(key: string): void;
  /** Kills the engine's connection for appends, or that of its live tail. */
  kill(connection: "appends" | "tail"): void;
  /** Kills the server while the engine may append, and starts it again. Its data must be durable. */
  restart(): Promise<void>;
  /** Resolves when all changes are done, and the live tail has read them. */
  settle(): Promise<void>;
  existing(key: string): Promise<readonly EntryId[]>;
  /** Returns the newest entries after a cursor, in ascending order. */
  newest(key: string, cursor: EntryId, count: number): Promise<readonly EntryId[]>;
}

const BURST = `
  local ids = {}
  for i = 1, tonumber(ARGV[1]) do ids[i] = redis.call('XADD', KEYS[1], '*', 'd', 'burst') end
  redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[2])
  return ids`;
const DELETE_NEWEST = `
  if redis.call('XLEN', KEYS[1]) < 3 then return {} end
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if not newest then return {} end
  redis.call('XDEL', KEYS[1], newest[1])
  return {newest[1]}`;

const listOf = (reply: Reply): readonly Reply[] => (Array.isArray(reply) ? reply : []);
const idOf = (reply: Reply) => String(reply) as EntryId;
const entryIdsOf = (reply: Reply) => listOf(reply).map((entry) => idOf(listOf(entry)[0] ?? ""));

/** Creates a model of streams that do not exist yet. */
export function createModel(redis: TestRedis, engine: Engine, keys: readonly string[]): Model {
  const { control } = redis;
  /** Streams with a lost reply, whose content is only known to Redis. */
  const unsure = new Set<string>();
  const appended = new Map<string, EntryId[]>(keys.map((key) => [key, []]));
  const deleted = new Set<EntryId>();
  let pending: Promise<unknown>[] = [];
  let own: Promise<unknown>[] = [];

  const newest = async (key: string, cursor: EntryId, count: number) =>
    entryIdsOf(await control.call("XREVRANGE", key, "+", `(${cursor}`, "COUNT", count)).reverse();

  const existing = async (key: string): Promise<readonly EntryId[]> =>
    entryIdsOf(await control.call("XRANGE", key, "-", "+"));

  return {
    keys,
    deleted,
    newest,
    // Replies over two connections do not arrive in the order of the entries.
    appended: (key) => appended.get(key)?.sort(compareIds) ?? [],
    append(key, entries, bytes) {
      const payload = Buffer.alloc(bytes, "x");
      for (let i = 0; i < entries; i++) {
        const added = control.call("XADD", key, "*", "d", payload);
        pending.push(added.then((id) => appended.get(key)?.push(idOf(id))));
      }
    },
    appendOwn(key, entries, bytes) {
      const data = Buffer.alloc(bytes, "o");
      const batch = Array.from({ length: entries }, () => ({ key, id: "*", data }));
      own.push(
        new Promise<void>((resolve, reject) => {
          engine.append(batch, (results, isKept) => {
            // Like the next message, which is read into the same memory.
            if (!isKept) data.fill(SPOILT);
            for (const one of results) {
              if (typeof one === "string") appended.get(key)?.push(one);
              else if (one.code === "APPEND_UNKNOWN") unsure.add(key);
              else reject(one);
            }
            resolve();
          });
        }),
      );
    },
    burst(key, entries, keep) {
      const added = control.call("EVAL", BURST, 1, key, entries, keep);
      pending.push(added.then((ids) => appended.get(key)?.push(...listOf(ids).map(idOf))));
    },
    trim(key, keep) {
      pending.push(control.call("XTRIM", key, "MAXLEN", keep));
    },
    deleteNewest(key) {
      const gone = control.call("EVAL", DELETE_NEWEST, 1, key);
      pending.push(gone.then((ids) => listOf(ids).forEach((id) => void deleted.add(idOf(id)))));
    },
    kill(connection) {
      pending.push(killConnections(redis, connection));
    },
    async restart() {
      // Their replies would be lost.
      await Promise.all(pending);
      pending = [];
      await redis.kill();
      await redis.start();
    },
    async settle() {
      await Promise.all([...pending, ...own]);
      pending = [];
      own = [];
      // Runs with killed connections do not remove entries.
      for (const key of unsure) appended.set(key, [...(await existing(key))]);
      unsure.clear();
      for (const key of keys) {
        const [last] = await newest(key, FIRST_ID, 1);
        const before = last && idBefore(last);
        if (before === undefined) continue;
        const isSeen = () => engine.hub.progress(key) === undefined || !engine.hub.isAtEnd(key, before);
        await until(`the tail sees ${last} of ${key}`, isSeen);
      }
    },
    existing,
  };
}

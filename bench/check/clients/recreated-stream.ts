/**
 * Stream that another program deletes and creates repeatedly, with readers that request gaps. Every entry that a
 * reader does not receive must lie within a gap that was reported before the next entry.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../../src/domain/streams/entry-id.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { positionAfter } from "../positions.ts";
import type { Random } from "../random.ts";
import type { Connected, GapReader, GapSession, NamedEntry } from "../verdict/history.ts";
import type { Recording } from "./recorder.ts";

/** Name of the stream. */
export const RECREATED = "recreated";

/** The running writer and readers. */
export interface RecreatedStream {
  readonly readers: readonly GapReader[];
  /** Stops the writer. Resolves when the readers have received the last entry, with whether they have. */
  settle(): Promise<boolean>;
  close(): void;
}

/** KEYS: the stream. ARGV: ids of an entry that is deleted with the stream, and of the one after it. */
const REMAKE = `redis.call('XADD', KEYS[1], ARGV[1], 'd', 'x')
redis.call('DEL', KEYS[1])
return redis.call('XADD', KEYS[1], ARGV[2], 'd', 'x')`;
const KEY = `default:${RECREATED}`;
/** Query strings of the readers. */
const READERS = ["format=json&gaps=1&count=100", "format=json&gaps=1&count=5&ack=1"] as const;
/** More than a gateway takes to reopen a connection that is silent for `REDIS_SILENCE_MS`. */
const SETTLE_MS = 60_000;
const AGAIN_MS = 200;

/** Starts the writer and the readers. */
export function startRecreatedStream(
  socketPath: string,
  { port, now }: Recording,
  random: Random,
): RecreatedStream {
  let number = 0;
  let isEnding = false;
  let isClosed = false;
  let last: EntryId = FIRST_ID;
  const connection = new Connection({
    address: { target: { path: socketPath }, database: 0 },
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    name: "recreated",
    waitMs: 0,
  });
  const nextId = () => `${++number}-0`;

  async function add(): Promise<void> {
    const id = nextId();
    if ((await connection.call("XADD", KEY, id, "d", "x").catch(() => undefined)) !== undefined)
      last = id as EntryId;
  }

  async function write(): Promise<void> {
    while (!isEnding) {
      await sleep(random.between(5, 60));
      if (random.fraction() < 0.6) {
        await connection.call("EVAL", REMAKE, 1, KEY, nextId(), nextId()).catch(() => undefined);
        const pauseMs = random.one([0, 0, 0.5, 1, 5]);
        if (pauseMs > 0) await sleep(pauseMs);
      }
      if (random.fraction() < 0.8) await add();
    }
    // The last entry, which every reader must receive.
    for (const before = last; last === before && !isClosed; await sleep(50)) await add();
  }

  const readers = READERS.flatMap((query) => [0, 1].map((gateway) => ({ query, gateway }))).map(
    ({ query, gateway }) =>
      startGapReader({ query, gateway, port: () => port(gateway), now, isClosed: () => isClosed }),
  );
  const writing = write();
  return {
    readers: readers.map(({ reader }) => reader),
    async settle() {
      isEnding = true;
      await writing;
      const isSettled = () => readers.every(({ position }) => position() === last);
      for (let left = SETTLE_MS; left > 0 && !isSettled(); left -= 50) await sleep(50);
      return isSettled();
    },
    close() {
      isEnding = true;
      isClosed = true;
      for (const { close } of readers) close();
      connection.close();
    },
  };
}

const ignore = () => undefined;

/** Options of a reader. */
interface GapReaderOptions {
  readonly query: string;
  readonly gateway: number;
  readonly port: () => number;
  readonly now: Recording["now"];
  readonly isClosed: () => boolean;
}

function startGapReader({ query, gateway, port, now, isClosed }: GapReaderOptions) {
  const sessions: GapSession[] = [];
  let position = "0-0";
  let socket: WebSocket | undefined;

  function open(): void {
    if (isClosed()) return;
    const connected: Connected = { port: port(), openedMs: now() };
    const session: GapSession = { cursor: position, events: [], connected };
    sessions.push(session);
    const url = `ws://127.0.0.1:${connected.port}/data/${RECREATED}/pull?${query}&last_entry_id=${position}`;
    const opened = new WebSocket(url, { perMessageDeflate: false });
    socket = opened;
    opened.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as
        | readonly (readonly [string, string])[]
        | { readonly gap: { readonly after: string; readonly before: string } };
      if ("gap" in message) {
        session.events.push({ after: message.gap.after, before: message.gap.before });
        return;
      }
      for (const [, id] of message) {
        session.events.push({ id });
        connected.lastMs = now();
        position = id;
      }
      if (query.includes("ack=1")) opened.send("");
    });
    opened.on("error", ignore);
    opened.on("close", () => void setTimeout(open, AGAIN_MS));
  }

  open();
  return {
    reader: { name: `reader of gaps with ${query} at gateway ${gateway}`, sessions },
    position: () => position,
    close: () => socket?.terminate(),
  };
}

const idOf = (text: string | undefined): EntryId => parseId(text ?? "") ?? FIRST_ID;

/**
 * Returns the problems of the readers with gaps.
 *
 * @param committed all entries that the store ever had, in order
 * @param mustEnd whether they must have received the last one
 */
export function wrongInGaps(
  committed: readonly NamedEntry[],
  readers: readonly GapReader[],
  mustEnd = true,
): string[] {
  const ids = committed.map(({ id }) => idOf(id));
  const newest = ids.at(-1);
  return readers.flatMap(({ name, sessions }) => {
    const wrong = sessions.flatMap((session) => wrongInSession(name, session, ids));
    const end = sessions.flatMap(({ events }) => events).findLast((event) => "id" in event);
    if (mustEnd && newest !== undefined && end?.id !== newest)
      wrong.push(`${name}: ends with ${end?.id}, not ${newest}`);
    return wrong;
  });
}

function wrongInSession(name: string, { cursor, events }: GapSession, ids: readonly EntryId[]): string[] {
  const wrong: string[] = [];
  let position = idOf(cursor);
  let gaps: (readonly [after: EntryId, before: EntryId])[] = [];
  for (const event of events) {
    if (!("id" in event)) {
      gaps.push([idOf(event.after), idOf(event.before)]);
      continue;
    }
    const id = idOf(event.id);
    if (compareIds(id, position) <= 0) wrong.push(`${name}: got ${id} after ${position}`);
    const isReported = (one: EntryId) =>
      gaps.some(([after, before]) => compareIds(after, one) < 0 && compareIds(one, before) < 0);
    const lacking = ids
      .slice(positionAfter(ids, position), positionAfter(ids, id))
      .filter((one) => one !== id && !isReported(one));
    // A reader from the beginning starts at the first existing entry.
    if (lacking.length > 0 && position !== FIRST_ID)
      wrong.push(
        `${name}: ${lacking.length} entries before ${id} are missing without a gap, the first is ${lacking[0]}`,
      );
    position = id;
    gaps = [];
  }
  return wrong;
}

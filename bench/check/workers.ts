/**
 * Workers of a consumer group beside the other clients: over the gateways, and one that uses Redis itself. Each entry must be
 * acknowledged, dead or lost in the end, and none may have two confirmed acknowledgements.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../src/domain/streams/entry-id.ts";
import type { Redis } from "../load/redis.ts";
import type { History, StreamEntryName, WorkerHistory, WorkHistory } from "./history.ts";
import type { Random } from "./random.ts";
import { ACK_WAIT_MS, CheckedWorker, GROUP } from "./worker.ts";

const WORKERS = 4;
/** Time (ms) without progress after which the wait for the workers ends. */
const STUCK_MS = 30_000;

/** The running workers. */
export interface Workers {
  /** Waits until the group has nothing left. */
  settle(): Promise<void>;
  close(): void;
  /** @param acknowledged entries that the store acknowledged, by stream */
  history(acknowledged: readonly StreamEntryName[]): WorkHistory;
}

/** Starts them. @param redis returns the running server */
export function startWorkers(
  streams: readonly string[],
  redis: () => Redis,
  port: (gateway: number) => number,
  random: Random,
): Workers {
  const workers = Array.from(
    { length: WORKERS },
    (_, i) => new CheckedWorker({ name: `worker ${i}`, streams, random, port }),
  );
  const native: WorkerHistory = {
    name: "native",
    received: [],
    sent: [],
    confirmed: [],
    buried: [],
    lost: [],
  };
  let isEnding = false;

  /** Reads and acknowledges as a program without the gateway does; some entries it forgets. */
  async function work(): Promise<void> {
    while (!isEnding) {
      await sleep(random.between(50, 400));
      const stream = random.one(streams);
      const key = `default:${stream}`;
      const read = ["XREADGROUP", "GROUP", GROUP, "native", "COUNT", "2", "STREAMS", key, ">"];
      const reply = await redis()
        .command(...read)
        .catch(() => "");
      for (const id of reply.split("\n").filter((line) => /^\d+-\d+$/.test(line))) {
        if (random.fraction() < 0.2) continue;
        native.sent.push({ stream, id });
        // It checks nothing: it acknowledges in time, or not at all.
        const done = await redis()
          .command("XACK", key, GROUP, id)
          .catch(() => "");
        if (done === "1") native.confirmed.push({ stream, id });
      }
    }
  }

  const running = work();
  return {
    async settle() {
      isEnding = true;
      await running;
      for (const worker of workers) worker.settle();
      let limit = performance.now() + STUCK_MS;
      let before = "";
      while (performance.now() < limit) {
        const left = await Promise.all(streams.map((stream) => stateOf(redis(), stream)));
        if (left.every(({ isDone }) => isDone)) return;
        const now = left.map(({ text }) => text).join();
        if (now !== before) limit = performance.now() + STUCK_MS;
        before = now;
        await sleep(ACK_WAIT_MS / 10);
      }
    },
    close() {
      isEnding = true;
      for (const worker of workers) worker.close();
    },
    history: (acknowledged) => ({
      workers: [...workers.map(({ history }) => history), native],
      acknowledged,
    }),
  };
}

async function stateOf(redis: Redis, stream: string): Promise<{ isDone: boolean; text: string }> {
  const key = `default:${stream}`;
  const [groups, newest] = await Promise.all(
    [
      ["XINFO", "GROUPS", key],
      ["XREVRANGE", key, "+", "-", "COUNT", "1"],
    ].map((command) => redis.command(...command).catch(() => "")),
  );
  const text = groups ?? "";
  const pending = /^pending\n(\d+)$/m.exec(text)?.[1];
  const delivered = /^last-delivered-id\n(\S+)$/m.exec(text)?.[1];
  const [last = ""] = (newest ?? "").split("\n");
  return { isDone: last === "" || (pending === "0" && delivered === last), text };
}

const idOf = (text: string | undefined): EntryId =>
  (text === undefined ? undefined : parseId(text)) ?? FIRST_ID;

/** Returns the problems of the workers. */
export function wrongInWork({ workers, acknowledged }: WorkHistory, { streams }: History): string[] {
  const wrong: string[] = [];
  const nameOf = ({ stream, id }: StreamEntryName) => `${stream} ${id}`;
  const confirmed = new Map<string, string>();
  for (const { name, confirmed: entries } of workers)
    for (const entry of entries) {
      const other = confirmed.get(nameOf(entry));
      if (other !== undefined) wrong.push(`${name}: ${nameOf(entry)} was also acknowledged by ${other}`);
      confirmed.set(nameOf(entry), name);
    }
  const stored = new Set(acknowledged.map(nameOf));
  const settled = new Set(
    workers.flatMap(({ sent, buried, lost }) => [...sent, ...buried, ...lost]).map(nameOf),
  );
  for (const { stream, committed, left } of streams) {
    const present = new Set(left);
    const keys = new Map(committed.map(({ id = "", key }) => [id, key]));
    const last = idOf(committed.at(-1)?.id);
    // On a busy machine, entries may be stored after the record of the store ends.
    for (const { name, received } of workers)
      for (const entry of received.filter((one) => one.stream === stream))
        if (keys.get(entry.id ?? "") !== entry.key && compareIds(idOf(entry.id), last) <= 0)
          wrong.push(`${name}: got ${entry.key} as ${entry.id}, which differs from the stored entry`);
    for (const { id = "" } of committed) {
      const entry = nameOf({ stream, id });
      // An entry that was trimmed before it was delivered needs no acknowledgement.
      if (!present.has(id)) continue;
      if (!stored.has(entry)) wrong.push(`${entry} was neither acknowledged nor buried`);
      else if (!settled.has(entry)) wrong.push(`${entry} was acknowledged, but by no worker`);
    }
  }
  for (const [entry, name] of confirmed)
    if (!stored.has(entry)) wrong.push(`${name}: ${entry} was confirmed, but is not acknowledged`);
  return wrong;
}

/**
 * Workers of a consumer group, at full speed: 4 clients share the entries of a stored stream, each with a number of entries that
 * it has not acknowledged, until all are acknowledged.
 */
import { connect } from "../../client/index.ts";
import { entriesByKey } from "../../src/redis/read/entry-decoder.ts";
import { openPipelined, type Pipelined } from "../reference/pipelined.ts";
import { type Busy, type Pids, watchBusy } from "./measurement/busy.ts";

/** Options of the load. */
export interface WorkLoad {
  readonly workers: number;
  /** Maximum number of unacknowledged entries per worker. */
  readonly held: number;
  /** Number of entries in the stream. */
  readonly entries: number;
  readonly entryBytes: number;
}

/** Result of the load. */
export interface WorkResult {
  readonly perSecond: number;
  readonly busy: Busy;
}

/** A worker that runs until the group has nothing left, or until `isDone`. @returns the number of entries that it acknowledged */
type Worker = (isDone: () => boolean, done: (count: number) => void) => Promise<void>;

async function measure(load: WorkLoad, pids: Pids, workers: readonly Worker[]): Promise<WorkResult> {
  const busy = watchBusy(pids);
  const from = performance.now();
  let acknowledged = 0;
  const isDone = () => acknowledged >= load.entries;
  await Promise.all(
    workers.map((worker) =>
      worker(isDone, (count) => {
        acknowledged += count;
      }),
    ),
  );
  if (acknowledged !== load.entries)
    throw new Error(`${acknowledged} of ${load.entries} entries were acknowledged`);
  return { perSecond: load.entries / ((performance.now() - from) / 1000), busy: busy() };
}

/** Runs workers of the gateway, with the TypeScript client. */
export function workOverGateway(
  port: number,
  stream: string,
  group: string,
  load: WorkLoad,
  pids: Pids,
): Promise<WorkResult> {
  const ended = new AbortController();
  const worker: Worker = async (isDone, done) => {
    const streamer = connect(`http://127.0.0.1:${port}`);
    const jobs = streamer.work(stream, { group, from: "0", permits: load.held, signal: ended.signal });
    const confirmed = (isMine: boolean) => {
      done(isMine ? 1 : 0);
      if (isDone()) ended.abort();
    };
    try {
      for await (const job of jobs) {
        checkSize(job.data, load);
        void job.ack().then(confirmed);
      }
    } catch (error) {
      if (!ended.signal.aborted) throw error;
    }
  };
  return measure(
    load,
    pids,
    Array.from({ length: load.workers }, () => worker),
  );
}

/** Runs native workers: each reads entries, and acknowledges them before it reads more. The group must exist. @param port of Redis */
export async function workNatively(
  port: number,
  key: string,
  group: string,
  load: WorkLoad,
  pids: Pids,
): Promise<WorkResult> {
  const connections: Pipelined[] = [];
  const count = String(load.held);
  const worker =
    (name: string): Worker =>
    async (_isDone, done) => {
      const redis = openPipelined({ host: "127.0.0.1", port });
      connections.push(redis);
      const read = ["XREADGROUP", "GROUP", group, name, "COUNT", count, "STREAMS", key, ">"];
      for (;;) {
        const [reply = null] = await redis.ask([read]);
        const entries = entriesByKey(reply)[0]?.[1] ?? [];
        if (entries.length === 0) return;
        for (const { data } of entries) checkSize(data, load);
        const [acknowledged] = await redis.ask([["XACK", key, group, ...entries.map(({ id }) => id)]]);
        done(Number(acknowledged));
      }
    };
  try {
    return await measure(
      load,
      pids,
      Array.from({ length: load.workers }, (_, i) => worker(`native-${i}`)),
    );
  } finally {
    for (const connection of connections) connection.close();
  }
}

function checkSize(data: Uint8Array, { entryBytes }: WorkLoad): void {
  if (data.length !== entryBytes) throw new Error(`an entry has ${data.length} bytes`);
}

/**
 * Workers of a consumer group beside the other clients: over the gateways, two with the Python package, and one that uses Redis
 * itself. Each entry must be acknowledged, dead or lost in the end, and none may have two confirmed acknowledgements. A master
 * that is replaced may take acknowledgements with it, so that in a cluster entries may be done twice.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../../src/domain/streams/entry-id.ts";
import type { Random } from "../random.ts";
import type {
  History,
  StoredStream,
  StreamEntryName,
  WorkerHistory,
  WorkHistory,
} from "../verdict/history.ts";
import { PythonWorker } from "./python-worker.ts";
import { ACK_WAIT_MS, CheckedWorker, GROUP } from "./worker.ts";

const WORKERS = 4;
/** Time (ms) without progress after which the wait for the workers ends. */
const STUCK_MS = 30_000;

/** The running workers. */
export interface Workers {
  /** Waits until the group has nothing left. */
  settle(): Promise<void>;
  close(): void;
  /** Processes that ended unexpectedly. */
  readonly deaths: readonly string[];
  /** @param acknowledged entries that the store acknowledged; undefined if that is unknown */
  history(acknowledged: readonly StreamEntryName[] | undefined): WorkHistory;
}

/** Options of `startWorkers`. */
export interface WorkersOptions {
  readonly streams: readonly string[];
  /** Runs a command at the server of a stream, and returns redis-cli's raw output. */
  readonly command: (stream: string, ...args: readonly string[]) => Promise<string>;
  readonly port: (gateway: number) => number;
  readonly random: Random;
  /** Source of the workers with the Python package. */
  readonly pythonRandom: Random;
}

/** Starts them. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { streams, command, port, random, pythonRandom } = options;
  const workers = Array.from(
    { length: WORKERS },
    (_, i) => new CheckedWorker({ name: `worker ${i}`, streams, random, port }),
  );
  const pythonWorkers = await Promise.all(
    [false, true].map((handles) => {
      const gateway = Math.floor(pythonRandom.fraction() * 2);
      const seed = Math.floor(pythonRandom.fraction() * 2 ** 31);
      const name = handles ? "Python handler" : "Python worker";
      return PythonWorker.start({ name, streams, handles, gateway, seed, port });
    }),
  );
  const all = [...workers, ...pythonWorkers];
  const native: WorkerHistory = {
    name: "native",
    received: [],
    sent: [],
    confirmed: [],
    deadLettered: [],
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
      const reply = await command(stream, ...read).catch(() => "");
      for (const id of reply.split("\n").filter((line) => /^\d+-\d+$/.test(line))) {
        if (random.fraction() < 0.2) continue;
        native.sent.push({ stream, id });
        // No check is necessary: the worker acknowledges in time, or not at all.
        const done = await command(stream, "XACK", key, GROUP, id).catch(() => "");
        if (done === "1") native.confirmed.push({ stream, id });
      }
    }
  }

  const running = work();
  return {
    async settle() {
      isEnding = true;
      await running;
      for (const worker of all) worker.settle();
      let limit = performance.now() + STUCK_MS;
      let before = "";
      while (performance.now() < limit) {
        const left = await Promise.all(streams.map((stream) => stateOf(command, stream)));
        if (left.every(({ isDone }) => isDone)) return;
        const now = left.map(({ text }) => text).join();
        if (now !== before) limit = performance.now() + STUCK_MS;
        before = now;
        await sleep(ACK_WAIT_MS / 10);
      }
    },
    close() {
      isEnding = true;
      for (const worker of all) worker.close();
    },
    get deaths() {
      return pythonWorkers.flatMap(({ death }) => death ?? []);
    },
    history: (acknowledged) => ({
      workers: [...all.map(({ history }) => history), native],
      ...(acknowledged && { acknowledged }),
    }),
  };
}

async function stateOf(
  run: WorkersOptions["command"],
  stream: string,
): Promise<{ isDone: boolean; text: string }> {
  const key = `default:${stream}`;
  const [groups, newest] = await Promise.all(
    [
      ["XINFO", "GROUPS", key],
      ["XREVRANGE", key, "+", "-", "COUNT", "1"],
    ].map((command) => run(stream, ...command).catch(() => "")),
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
export function wrongInWork(
  { workers, acknowledged }: WorkHistory,
  { streams, takeovers = 0 }: History,
): string[] {
  const wrong: string[] = [];
  const confirmed = new Map<string, string>();
  for (const { name, confirmed: entries } of workers)
    for (const entry of entries) {
      const other = confirmed.get(nameOf(entry));
      if (other !== undefined && takeovers === 0)
        wrong.push(`${name}: ${nameOf(entry)} was also acknowledged by ${other}`);
      confirmed.set(nameOf(entry), name);
    }
  const stored = acknowledged && new Set(acknowledged.map(nameOf));
  const settled = new Set(
    workers.flatMap(({ sent, deadLettered, lost }) => [...sent, ...deadLettered, ...lost]).map(nameOf),
  );
  for (const { stream, committed, left } of streams) {
    const present = new Set(left);
    wrong.push(...wrongInReceived(workers, { stream, committed, left }, takeovers));
    for (const { id = "" } of committed) {
      const entry = nameOf({ stream, id });
      // An entry that was trimmed before it was delivered needs no acknowledgement.
      if (!present.has(id)) continue;
      if (stored?.has(entry) === false)
        wrong.push(`${entry} was neither acknowledged nor moved to the dead letters`);
      else if (!settled.has(entry))
        wrong.push(
          stored ? `${entry} was acknowledged, but by no worker` : `${entry} was settled by no worker`,
        );
    }
  }
  if (stored !== undefined)
    for (const [entry, name] of confirmed)
      if (!stored.has(entry)) wrong.push(`${name}: ${entry} was confirmed, but is not acknowledged`);
  return wrong;
}

const nameOf = ({ stream, id }: StreamEntryName): string => `${stream} ${id}`;

/** Returns the received entries of a stream that differ from those that are stored. */
function wrongInReceived(
  workers: readonly WorkerHistory[],
  { stream, committed }: StoredStream,
  takeovers: number,
): string[] {
  const keys = new Map(committed.map(({ id = "", key }) => [id, key]));
  const last = idOf(committed.at(-1)?.id);
  /** On a busy machine, entries may be stored after the record of the store ends. In failovers, some are lost. */
  const mayBeMissing = (id: string | undefined) => takeovers > 0 || compareIds(idOf(id), last) > 0;
  return workers.flatMap(({ name, received }) =>
    received
      .filter((one) => one.stream === stream)
      .filter(({ id = "", key }) => (keys.has(id) ? keys.get(id) !== key : !mayBeMissing(id)))
      .map(({ id, key }) => `${name}: got ${key} as ${id}, which differs from the stored entry`),
  );
}

/** One run: starts the processes and clients of a plan, injects its faults, waits for completion, and returns the history. */
import { setTimeout as sleep } from "node:timers/promises";
import { startPatternReader } from "./clients/pattern-reader.ts";
import { PlaybackReader } from "./clients/playback-reader.ts";
import { PythonPusher, PythonReader } from "./clients/python-clients.ts";
import { type Pusher, type Reader, type Recording, startPusher, startReader } from "./clients/recorder.ts";
import { RECREATED, startRecreatedStream } from "./clients/recreated-stream.ts";
import { SIMILAR_KEYS, startSimilarPosts } from "./clients/similar-posts.ts";
import { GROUP } from "./clients/worker.ts";
import { startWorkers, type Workers } from "./clients/workers.ts";
import type { Plan } from "./plan.ts";
import { type RunProcesses, startProcesses } from "./processes/run-processes.ts";
import { createRandom, type Random } from "./random.ts";
import { settleRecordings, startRecordings } from "./recordings.ts";
import { readAcknowledged, readCommitted } from "./verdict/append-only-file.ts";
import type { Evidence } from "./verdict/evidence.ts";
import type { History, StoredStream, StreamEntryName } from "./verdict/history.ts";

/** Seeds are below this bound; the additional load draws from seeds above it. */
const BESIDES_SEEDS = 5 * 2 ** 29;
const WORK_SEEDS = 11 * 2 ** 28;
const PYTHON_WORK_SEEDS = 17 * 2 ** 28;
/** Time (ms) without progress of any client, after the last fault, after which the run stops waiting. */
const STUCK_MS = 30_000;

/** Runs a plan. @param dir an empty folder @param say receives a line for each step @throws Error if a process does not start */
export async function run(
  plan: Plan,
  dir: string,
  evidence: Evidence,
  say: (line: string) => void,
): Promise<History> {
  using processes = await startProcesses(plan, dir, evidence);
  const recording: Recording = {
    random: createRandom(plan.seed),
    port: (number) => processes.gateways[number % processes.gateways.length]?.port ?? 0,
    acknowledged: new Map(),
    now: () => evidence.now(),
  };
  const streamNames = [...new Set(plan.pushers.map(({ stream }) => stream))];
  const streamKeys = [RECREATED, ...streamNames].map((stream) => `default:${stream}`);
  const record = (occasion: string) =>
    evidence.record(occasion, { gateways: processes.gateways, servers: processes.servers, streamKeys });
  const playbacks = plan.playbackReaders.map(
    (planned, i) => new PlaybackReader(planned, recording, i, streamNames),
  );
  const pythonPushers = await Promise.all(
    plan.pythonPushers.map((planned, i) => PythonPusher.start(planned, i, recording)),
  );
  const pythonReaders = await Promise.all(
    plan.pythonReaders.map((planned, i) => PythonReader.start(planned, i, recording, streamNames)),
  );
  const readers = [
    ...plan.readers.map((planned, i) => startReader(planned, recording, i)),
    ...plan.patternReaders.flatMap((planned, i) => startPatternReader(planned, recording, i, streamNames)),
    ...[...playbacks, ...pythonReaders].flatMap((reader) => reader.readers),
  ];
  const pushers = [
    ...plan.pushers.map((planned, i) => startPusher(`p${i}`, planned, recording)),
    ...pythonPushers,
  ];
  if (!plan.isCluster) await startRecordings(processes.gateways);
  const besides = startBesides(processes, recording, createRandom(plan.seed + BESIDES_SEEDS));
  const workers = await startGroup(processes, recording, streamNames, plan.seed);
  const end = performance.now() + plan.ms;
  for (const { afterMs, fault } of plan.faults) {
    await sleep(afterMs);
    say(JSON.stringify(fault));
    evidence.step(JSON.stringify(fault));
    if (fault.what === "pusher vanishes") pushers[fault.pusher]?.vanish();
    else await processes.inject(fault);
    evidence.step("repaired");
  }
  await sleep(Math.max(0, end - performance.now()));

  for (const pusher of pushers) pusher.stop();
  for (const reader of readers) reader.settle();
  evidence.step("settling");
  const others = await besides?.settle(dir, () => record("readers of the recreated stream are late"));
  const onLate = () => record("clients are late");
  const streams = await settled(plan, processes, dir, { pushers, readers, onLate });
  await record("end");
  const recordings = plan.isCluster
    ? { readers: [], gapReaders: [], failures: [] }
    : await settleRecordings(processes.gateways, dir, streamNames);
  for (const one of [...pushers, ...readers]) one.close();
  await workers.settle();
  workers.close();
  return {
    pushes: pushers.flatMap(({ pushes }) => pushes),
    readers: [...readers.map(({ history }) => history), ...recordings.readers],
    streams,
    playbacks: playbacks.map(({ history }) => history),
    gapReaders: [...gapReadersOf(plan, pythonReaders), ...recordings.gapReaders],
    deaths: [
      ...[...processes.deaths, ...deathsOf([...pythonPushers, ...pythonReaders])],
      ...[...workers.deaths, ...recordings.failures],
    ],
    ...(others && { besides: others }),
    work: workers.history(plan.isCluster ? undefined : acknowledgedIn(dir, streamNames)),
    takeovers: "takeovers" in processes.redis ? processes.redis.takeovers : 0,
  };
}

/** The readers of whole streams that report gaps. A reader from "now" begins at an unknown id. */
function gapReadersOf(plan: Plan, readers: readonly PythonReader[]): NonNullable<History["gapReaders"]> {
  return readers.flatMap(({ events }, number) => {
    const { from, latest } = plan.pythonReaders[number] ?? { from: "0", latest: true };
    if (latest) return [];
    return [...events].map(([stream, received]) => {
      const first = received.find((event) => "id" in event);
      const cursor = from === "$" && first !== undefined && "id" in first ? first.id : "0-0";
      const after = from === "$" ? received.slice(received.indexOf(first ?? { id: "" }) + 1) : received;
      return {
        name: `Python reader ${number} of ${stream}`,
        stream,
        sessions: [{ cursor, events: after }],
      };
    });
  });
}

const deathsOf = (clients: readonly { readonly death: string | undefined }[]): string[] =>
  clients.flatMap(({ death }) => death ?? []);

/** Starts the additional load; none in a cluster, whose append-only files are not read. */
function startBesides({ redis }: RunProcesses, recording: Recording, random: Random) {
  if ("stored" in redis) return undefined;
  const recreated = startRecreatedStream(redis.socketPath, recording, random);
  const similar = startSimilarPosts(recording.port, random);
  return {
    async settle(dir: string, onLate: () => Promise<void>): Promise<NonNullable<History["besides"]>> {
      const [isSettled] = await Promise.all([recreated.settle(), similar.settle()]);
      if (!isSettled) await onLate();
      recreated.close();
      const committed = readCommitted(dir);
      return {
        recreated: committed.get(`default:${RECREATED}`) ?? [],
        gapReaders: recreated.readers,
        similar: SIMILAR_KEYS.map((key) => [key, committed.get(key) ?? []] as const),
        similarPosts: similar.posts,
      };
    },
  };
}

/** Starts the workers of a consumer group. */
function startGroup(
  processes: RunProcesses,
  { port }: Recording,
  streams: readonly string[],
  seed: number,
): Promise<Workers> {
  return startWorkers({
    streams,
    command(stream, ...args) {
      const { redis } = processes;
      return "stored" in redis ? redis.command(stream, ...args) : redis.command(...args);
    },
    port,
    random: createRandom(seed + WORK_SEEDS),
    pythonRandom: createRandom(seed + PYTHON_WORK_SEEDS),
  });
}

const acknowledgedIn = (dir: string, streamNames: readonly string[]): StreamEntryName[] =>
  streamNames.flatMap((stream) =>
    readAcknowledged(dir, `default:${stream}`, GROUP).map((id) => ({ stream, id })),
  );

/** Clients of a run. */
interface Clients {
  readonly pushers: readonly Pusher[];
  readonly readers: readonly Reader[];
  /** Called if they make no progress. */
  readonly onLate: () => Promise<void>;
}

/** Waits until every client has received all stored entries. The verdict reports clients that have not. */
async function settled(
  plan: Plan,
  processes: RunProcesses,
  dir: string,
  { pushers, readers, onLate }: Clients,
): Promise<readonly StoredStream[]> {
  let limit = performance.now() + STUCK_MS;
  let before = "";
  for (; ; await sleep(100)) {
    // A slow reader on a busy machine may take long, and is correct as long as it makes progress.
    const now = readers.map(({ last }) => last?.key).join();
    const isMoving = now !== before;
    if (isMoving) limit = performance.now() + STUCK_MS;
    before = now;
    const isLate = performance.now() > limit;
    // Reading all that is stored takes the processor from readers that are still receiving it.
    if (!isLate && (isMoving || pushers.some(({ open }) => open > 0))) continue;
    const streams = await stored(plan, processes, dir);
    const lasts = new Map(streams.map(({ stream, committed }) => [stream, committed.at(-1)?.key]));
    // A reader from "now" may have received nothing, if nothing was appended after it started.
    const isThere = ({ last, history }: Reader) =>
      last?.key === lasts.get(history.stream) ||
      (last === undefined && history.sessions.at(-1)?.cursor === "$");
    const isDone = readers.every(isThere);
    if (isLate && !isDone) await onLate();
    if (isLate || isDone) return streams;
  }
}

async function stored(plan: Plan, { redis }: RunProcesses, dir: string): Promise<readonly StoredStream[]> {
  const names = [...new Set(plan.pushers.map(({ stream }) => stream))];
  if ("stored" in redis) return redis.stored(names);
  const committed = readCommitted(dir);
  return Promise.all(
    names.map(async (stream) => {
      const key = `default:${stream}`;
      const script =
        "local ids = {} for i, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do ids[i] = e[1] end return ids";
      const ids = await redis.command("EVAL", script, "1", key);
      return { stream, committed: committed.get(key) ?? [], left: ids === "" ? [] : ids.split("\n") };
    }),
  );
}

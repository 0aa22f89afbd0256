/**
 * 500 playbacks at once, at the original pace, of streams with 30 entries of 1 KB per second: the share of a core that the
 * gateway uses, and p99 of the difference between an entry's due time and its arrival.
 *
 * The comparison is fair because the streams are read from Redis, as after a restart; because playbacks start at different
 * times of ten streams; and because this process, which reads the clock when it receives an entry, is part of the delay.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BINARY, createSplitter } from "../../load/clients/frames.ts";
import { openMany, openWebSocket, type WebSocketBytes } from "../../load/clients/websocket.ts";
import { processorMicros, processTree } from "../../load/measurement/processor-time.ts";
import { createSamples, median, type Samples } from "../../load/measurement/statistics.ts";
import type { Server } from "../../load/processes/process.ts";
import { atMost, type Row } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const PLAYBACKS = 500;
const STREAMS = 10;
const PER_SECOND = 30;
const ENTRY_BYTES = 1024;
/** Length of each stream. */
const SECONDS = 60;
/** Time of the first entry. */
const START_MS = 1_700_000_000_000;
/** Playbacks start within this time of their streams. */
const START_SECONDS = 20;
const WARM_UP_MS = 3000;
const MEASURED_MS = 10_000;
/** An entry's payload begins with its time, in milliseconds after the first entry. */
const TIME_DIGITS = 8;

const COST = atMost(25, 15, "% of a core");
const DUE = atMost(5, 2, "ms");

interface Figures {
  readonly percent: number;
  readonly p99: number;
}

/** Cost of the playbacks. */
const costRow: Row = {
  name: "playbacks",
  what: "500 playbacks at once, 30 entries of 1 KB per second each: processor time",
  ...COST,
  async measure(stage) {
    const rounds = await measure(stage, PLAYBACKS);
    const percent = median(rounds.map((round) => round.percent));
    return { reference: "", ours: `${percent.toFixed(1)} %`, ratio: "", verdict: COST.judge(percent) };
  },
};

/** Punctuality of playbacks. */
const dueRow: Row = {
  name: "playback-due",
  what: "50 playbacks with rate=1: p99 of the difference to the due time",
  ...DUE,
  async measure(stage) {
    const rounds = await measure(stage, PLAYBACKS / 10);
    const p99 = median(rounds.map((round) => round.p99));
    return { reference: "", ours: `${p99.toFixed(2)} ms`, ratio: "", verdict: DUE.judge(p99) };
  },
};

async function measure(stage: Stage, playbacks: number): Promise<readonly Figures[]> {
  const rounds: Figures[] = [];
  await recordAll(stage);
  for (let round = 0; round < stage.rounds; round++) {
    const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0" });
    try {
      const figures = await pass(gateway, playbacks);
      stage.say(`${figures.percent.toFixed(1)} % of a core, p99 ${figures.p99.toFixed(2)} ms`);
      rounds.push(figures);
    } finally {
      await gateway.stop();
    }
  }
  return rounds;
}

/** Stores the streams. The distances between their entries differ. */
async function recordAll({ redis }: Stage): Promise<void> {
  const script = `redis.call('DEL', KEYS[1])
    for i = 0, ARGV[1] - 1 do
      local ms = math.floor(i * 1000 / ${PER_SECOND}) + (i * 7 % 11)
      local data = string.format('%0${TIME_DIGITS}d', ms) .. string.rep('x', ${ENTRY_BYTES - TIME_DIGITS})
      redis.call('XADD', KEYS[1], string.format('%d-0', ${START_MS} + ms), 'd', data)
    end`;
  for (let stream = 0; stream < STREAMS; stream++)
    await redis.command("EVAL", script, "1", `default:played-${stream}`, String(PER_SECOND * SECONDS));
}

async function pass(gateway: Server, playbacks: number): Promise<Figures> {
  const differences = createSamples();
  const isMeasured = { now: false };
  const readers = await openMany(playbacks, (i) => openPlayback(gateway, i, differences, isMeasured));
  try {
    await sleep(WARM_UP_MS);
    const usedBefore = processorTime(gateway.pid);
    const start = performance.now();
    isMeasured.now = true;
    await sleep(MEASURED_MS);
    const elapsed = performance.now() - start;
    const used = processorTime(gateway.pid) - usedBefore;
    for (const { failure } of readers) if (failure !== "") throw new Error(failure);
    const min = 0.95 * playbacks * PER_SECOND * (MEASURED_MS / 1000);
    if (differences.count < min)
      throw new Error(`received ${differences.count} entries instead of at least ${min}`);
    return { percent: used / elapsed / 10, p99: differences.percentile(0.99) };
  } finally {
    for (const reader of readers) reader.close();
  }
}

const processorTime = (pid: number): number =>
  processTree(pid).reduce((sum, one) => sum + processorMicros(one), 0);

/** Starts one playback. @param differences receives how far each entry's arrival differs from its due time, in ms */
function openPlayback(
  { port }: Server,
  number: number,
  differences: Samples,
  isMeasured: { readonly now: boolean },
): Promise<WebSocketBytes> {
  const start = START_MS + Math.floor((number * START_SECONDS * 1000) / PLAYBACKS);
  const path = `/data/played-${number % STREAMS}/pull?header=0&rate=1&start=${start}`;
  /** Time at which time 0 was due, by the most punctual entry of the warm-up. */
  let zero = Number.POSITIVE_INFINITY;
  let previous = -1;
  return openWebSocket(
    { port, path },
    createSplitter((opcode, payloadBytes, bytes, head) => {
      if (opcode !== BINARY || payloadBytes !== ENTRY_BYTES) return;
      const time = Number(bytes.toString("latin1", head, head + TIME_DIGITS));
      if (time <= previous)
        throw new Error(`${path}: got the entry of ${time} ms after that of ${previous} ms`);
      previous = time;
      const now = performance.now();
      if (isMeasured.now) differences.add(Math.abs(now - time - zero));
      else zero = Math.min(zero, now - time);
    }),
  );
}

/** Rows of many playbacks. */
export const playbacksRows: readonly Row[] = [costRow, dueRow];

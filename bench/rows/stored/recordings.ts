/**
 * Recordings. Two rows compare the MB (10^6 bytes) per second of a recording and of an export of 8,000 stored frames of 30 KB with
 * those of writing the same bytes to a file with `fs`. A third one compares the p99 from push to pull, of 20 clients at 300
 * messages per second, without and beside a recording at full speed.
 *
 * The comparison is fair because all sides write to the same disk and wait for it, and because the frames cannot be
 * compressed, so that both sides write the same number of bytes. The gateway's path includes reading Redis, and the export
 * includes HTTP. The third row uses the same gateway and clients on both sides.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../../client/index.ts";
import { openMany } from "../../load/clients/websocket.ts";
import { openPusher } from "../../load/clients/websocket-pusher.ts";
import { openReader } from "../../load/clients/websocket-reader.ts";
import { drained } from "../../load/drain.ts";
import { sendAtRate } from "../../load/fixed-rate.ts";
import { compare, type Measure } from "../../load/measurement/rounds.ts";
import { createSamples } from "../../load/measurement/statistics.ts";
import type { Server } from "../../load/processes/process.ts";
import { FRAME_BYTES, storeFrames } from "../../load/stored-frames.ts";
import { atLeast, atMost, type Bar, type Outcome, type Row, ratioCell, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const SPEED_BAR = atLeast(0.25, 0.5);
const BESIDE_BAR = atMost(1.5, 1.2, "×");
const STREAM = "frames";
const ENTRIES = 8000;
const BYTES = ENTRIES * FRAME_BYTES;
const READERS = 20;
const PER_SECOND = 300;
const SECONDS = 4;
/** Time between two requests of the status of a recording. Each takes the process of the clients about 1 ms. */
const POLL_MS = 250;

/** The rows. */
export const recordingRows: readonly Row[] = [
  {
    name: "record",
    what: "8,000 frames of 30 KB recorded, against writing them with fs: MB/s",
    ...SPEED_BAR,
    measure: (stage) => measureSpeed(stage, recordAll),
  },
  {
    name: "export",
    what: "8,000 frames of 30 KB exported, against writing them with fs: MB/s",
    ...SPEED_BAR,
    measure: (stage) => measureSpeed(stage, exportAll),
  },
  {
    name: "record-beside",
    what: "p99 push to pull, 20 clients, 300 messages/s, beside a recording at full speed",
    ...BESIDE_BAR,
    measure: measureBeside,
  },
];

/** Starts a gateway with stored frames, and compares two sides on it. */
async function onFrames(
  stage: Stage,
  bar: Bar,
  unit: string,
  sidesOf: (gateway: Server, dir: string) => readonly [reference: Measure, ours: Measure],
): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), "redis-streamer-recordings-"));
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0", RECORDINGS_DIR: dir });
  try {
    await storeFrames(gateway.port, STREAM, ENTRIES);
    const [reference, ours] = sidesOf(gateway, dir);
    await reference(-1);
    await ours(-1);
    const comparison = await compare(stage.rounds, reference, ours);
    return {
      reference: `${format(comparison.reference)} ${unit}`,
      ours: `${format(comparison.ours)} ${unit}`,
      ratio: ratioCell(comparison),
      verdict: bar.judge(comparison.ratio),
    };
  } finally {
    await gateway.stop();
    await stage.redis.command("UNLINK", `default:${STREAM}`);
    rmSync(dir, { recursive: true, force: true });
  }
}

const format = (value: number) => (value < 100 ? value.toFixed(2) : whole(value));

function measureSpeed(stage: Stage, run: (gateway: Server, name: string) => Promise<void>): Promise<Outcome> {
  return onFrames(stage, SPEED_BAR, "MB/s", (gateway, dir) => {
    const speed = (act: (round: number) => Promise<void>) => async (round: number) => {
      const start = performance.now();
      await act(round);
      return BYTES / 1e3 / (performance.now() - start);
    };
    return [
      speed(() => writePlainly(join(dir, "plain"))),
      speed((round) => run(gateway, `round-${round + 1}`)),
    ];
  });
}

/** Writes the same number of bytes with `fs`. */
async function writePlainly(path: string): Promise<void> {
  const file = await open(path, "w");
  const piece = Buffer.alloc(FRAME_BYTES * 100, 7);
  for (let written = 0; written < BYTES; written += piece.length) await file.write(piece);
  await file.datasync();
  await file.close();
}

async function recordAll({ port }: Server, name: string): Promise<void> {
  const streamer = connect(`http://127.0.0.1:${port}`);
  await streamer.record(STREAM, { name, from: "0" });
  while ((await streamer.recording(name)).entries < ENTRIES) await sleep(5);
  const { entries, gaps, bytes } = await streamer.stopRecording(name);
  if (entries !== ENTRIES || gaps > 0 || bytes < BYTES)
    throw new Error(`recorded ${entries} entries, ${bytes} bytes and ${gaps} gaps`);
  await streamer.deleteRecording(name);
}

async function exportAll({ port }: Server): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/data/${STREAM}/entries?format=mcap`);
  let bytes = 0;
  for await (const piece of response.body ?? []) bytes += piece.length;
  if (!response.ok || bytes < BYTES) throw new Error(`exported ${bytes} bytes, status ${response.status}`);
}

function measureBeside(stage: Stage): Promise<Outcome> {
  return onFrames(stage, BESIDE_BAR, "ms", (gateway) => {
    const p99 = async (stream: string, isBeside: boolean): Promise<number> => {
      const isOver = new AbortController();
      const recordings = isBeside ? recordAgain(gateway, stream, isOver.signal) : Promise.resolve(0);
      const value = await latencyOf(gateway, stream).finally(() => isOver.abort());
      const megabytes = ((await recordings) * FRAME_BYTES) / 1e6;
      stage.say(`${stream}: p99 ${value.toFixed(2)} ms, ${whole(megabytes)} MB recorded`);
      return value;
    };
    return [(round) => p99(`without-${round + 1}`, false), (round) => p99(`beside-${round + 1}`, true)];
  });
}

/** Records all frames again and again, until it is aborted. @returns the number of recorded entries */
async function recordAgain({ port }: Server, name: string, signal: AbortSignal): Promise<number> {
  const streamer = connect(`http://127.0.0.1:${port}`);
  let recorded = 0;
  for (let count = 1; !signal.aborted; count++) {
    const recording = `${name}-${count}`;
    await streamer.record(STREAM, { name: recording, from: "0" });
    let entries = 0;
    while (!signal.aborted && entries < ENTRIES) {
      await sleep(POLL_MS);
      entries = (await streamer.recording(recording)).entries;
    }
    recorded += entries;
    await streamer.deleteRecording(recording);
  }
  return recorded;
}

async function latencyOf({ port }: Server, stream: string): Promise<number> {
  const latencies = createSamples();
  const pull = { port, path: `/data/${stream}/pull?header=0` };
  const readers = await openMany(READERS, () => openReader(pull, latencies));
  const pusher = await openPusher({ port, path: `/data/${stream}/push?header=0` }, 100);
  try {
    await sleep(200);
    await sendAtRate(PER_SECOND, PER_SECOND * SECONDS, () => pusher.push(1));
    await drained(
      () => {
        for (const reader of readers) reader.check();
        return readers.every(({ entries }) => entries === pusher.pushed);
      },
      () => `not all readers have received all ${pusher.pushed} entries`,
    );
    return latencies.percentile(0.99, PER_SECOND * READERS);
  } finally {
    for (const one of [...readers, pusher]) one.close();
  }
}

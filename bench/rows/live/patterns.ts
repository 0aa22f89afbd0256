/**
 * Patterns: 200 pull clients, `format=msgpack`, of a pattern that selects 1,000 streams at 10 entries/s each, against the
 * same load by explicit names; and the time until the first entry of a new stream arrives.
 *
 * The comparison is fair because both sides have the same gateway, the same streams and the same pushers, and the time ends
 * when the last reader has the last entry. For new streams the time begins before the entry is sent: through this gateway by
 * POST, or by another program with XADD.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { openBatchReader } from "../../load/clients/batch-reader.ts";
import { openMany } from "../../load/clients/websocket.ts";
import { openDevice, sensorStream } from "../../load/device.ts";
import { drained } from "../../load/drain.ts";
import { sendAtRate } from "../../load/fixed-rate.ts";
import { compare } from "../../load/measurement/rounds.ts";
import { createSamples } from "../../load/measurement/statistics.ts";
import type { Server } from "../../load/processes/process.ts";
import { atLeast, type Outcome, type Row, ratioCell, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const DEVICES = 10;
const SENSORS = 100;
const READERS = 200;
const ENTRIES_PER_SECOND = 10;
const SECONDS = 2;
const ENTRY_BYTES = 100;
/** Time limit (ms): above the capacity of the machine, readers catch up stream by stream. */
const DRAIN_MS = 120_000;
const RATIO = atLeast(0.8, 0.95);

/** Fan-out of many streams. */
const fanOutRow: Row = {
  name: "pattern-fan-out",
  what: `${READERS} readers of ${whole(DEVICES * SENSORS)} streams at ${ENTRIES_PER_SECOND} entries/s: by pattern, against explicit names`,
  ...RATIO,
  measure: measureFanOut,
};

/** Streams of a run, by their keys. */
const deviceName = (run: string, device: number): string => `${run}-${device}`;

async function measureFanOut(stage: Stage): Promise<Outcome> {
  // As the managed Redis is configured.
  await stage.redis.command("CONFIG", "SET", "notify-keyspace-events", "Kgxen");
  // The streams of 200 subscriptions from one address count 220 MB. The default admits 8 subscriptions.
  const gateway = await stage.startGateway({ TOTAL_ANSWER_BYTES: "2g", CLIENT_MEMORY_PERCENT: "100" });
  const run = (side: "names" | "pattern") => async (round: number) => {
    const perSecond = await fanOut(gateway, `${side}${round}`, side);
    stage.say(`${side}, ${round}: ${whole(perSecond)} deliveries/s`);
    return perSecond;
  };
  try {
    const comparison = await compare(stage.rounds, run("names"), run("pattern"));
    return {
      reference: `names ${whole(comparison.reference)}/s`,
      ours: `${whole(comparison.ours)}/s`,
      ratio: ratioCell(comparison),
      verdict: RATIO.judge(comparison.ratio),
    };
  } finally {
    await gateway.stop();
  }
}

/** Returns deliveries per second. @throws Error if an entry is not delivered to every reader */
async function fanOut({ port }: Server, run: string, side: "names" | "pattern"): Promise<number> {
  const devices = await openMany(DEVICES, (i) => openDevice(port, deviceName(run, i), SENSORS, ENTRY_BYTES));
  const push = () => {
    for (const device of devices) device.push();
  };
  // The streams exist before the readers.
  push();
  await sleep(200);
  const keys = devices.flatMap((_, i) =>
    Array.from({ length: SENSORS }, (_unused, sensor) => `${deviceName(run, i)}:${sensorStream(sensor)}`),
  );
  const segment = side === "pattern" ? `${run}-*` : keys.map(encodeURIComponent).join("+");
  const path = `/data/${segment}/pull?device_id=&format=msgpack&block=0`;
  const readers = await openMany(READERS, () => openBatchReader({ port, path }));
  try {
    // Each reader resolves the last ids of all streams.
    await sleep(5000);
    const batches = ENTRIES_PER_SECOND * SECONDS;
    const entries = batches * DEVICES * SENSORS;
    const counts = () => readers.map((reader) => reader.entries);
    const start = performance.now();
    await sendAtRate(ENTRIES_PER_SECOND, batches, push);
    await drained(
      () => {
        for (const one of [...readers, ...devices]) one.check();
        return readers.every((reader) => reader.entries === entries);
      },
      () => `readers have ${Math.min(...counts())} to ${Math.max(...counts())} of ${entries} entries`,
      DRAIN_MS,
    );
    const end = Math.max(...readers.map(({ lastAt }) => lastAt));
    return (entries * READERS * 1000) / (end - start);
  } finally {
    for (const one of [...readers, ...devices]) one.close();
  }
}

const OWN_MS = 50;
const FOREIGN_MS = 250;
const NEW_STREAMS = 300;

/** Time until a new stream's first entry arrives. */
const joinRow: Row = {
  name: "pattern-join",
  what: "first entry of a new stream of a pattern: p99 of own appends, and of a native client",
  must: `≤ ${OWN_MS} ms, ≤ ${FOREIGN_MS} ms`,
  aim: `≤ ${OWN_MS / 5} ms, ≤ ${FOREIGN_MS / 5} ms`,
  measure: measureJoin,
};

async function measureJoin(stage: Stage): Promise<Outcome> {
  const results: string[] = [];
  let own = 0;
  let foreign = 0;
  for (const [name, flags] of [
    ["keyspace events", "Kgxen"],
    ["tracking", ""],
  ] as const) {
    await stage.redis.command("CONFIG", "SET", "notify-keyspace-events", flags);
    const gateway = await stage.startGateway();
    const native = new Connection({
      address: parseRedisUrl(stage.redis.url),
      name: "bench",
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      waitMs: 5000,
    });
    try {
      const post = (stream: string) =>
        fetch(`http://127.0.0.1:${gateway.port}/data/${stream}?device_id=join`, {
          method: "POST",
          body: "x",
        });
      const add = (stream: string) => native.call("XADD", `join:${stream}`, "*", "d", "x");
      const [ownMs, foreignMs] = [
        await joinTimes(gateway, `own-${flags}`, post),
        await joinTimes(gateway, `foreign-${flags}`, add),
      ];
      own = Math.max(own, ownMs);
      foreign = Math.max(foreign, foreignMs);
      const result = `${name}: own ${ownMs.toFixed(1)} ms, foreign ${foreignMs.toFixed(1)} ms`;
      stage.say(result);
      results.push(result);
    } finally {
      native.close();
      await gateway.stop();
    }
  }
  const isWithin = (share: number) => own <= OWN_MS * share && foreign <= FOREIGN_MS * share;
  const verdict = isWithin(0.2) ? "aim" : isWithin(1) ? "must" : "missed";
  return { reference: "", ours: results.join("; "), ratio: "", verdict };
}

/** Returns p99 of the time from sending the first entry of a stream to its arrival. */
async function joinTimes(
  { port }: Server,
  run: string,
  add: (stream: string) => Promise<unknown>,
): Promise<number> {
  const path = `/data/${run}-*/pull?device_id=join&format=msgpack&block=0`;
  const reader = await openBatchReader({ port, path });
  const times = createSamples();
  try {
    await sleep(500);
    for (let i = 0; i < NEW_STREAMS; i++) {
      const before = reader.entries;
      const start = performance.now();
      await add(`${run}-${i}`);
      await drained(
        () => reader.entries > before,
        () => `stream ${i} has not arrived`,
      );
      times.add(reader.lastAt - start);
    }
    reader.check();
    return times.percentile(0.99);
  } finally {
    reader.close();
  }
}

/** Rows of patterns. */
export const patternRows: readonly Row[] = [fanOutRow, joinRow];

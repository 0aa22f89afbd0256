/**
 * 50 JSON channels at 30 Hz in 3 viewers of Foxglove, without and beside a fourth viewer that subscribes to all of them and then
 * reads nothing: p99 of the healthy viewers from push to arrival, and the peak resident memory of the gateway.
 *
 * The comparison is fair because the pass without the stalled viewer uses the same gateway under the same load, after a pass that
 * is not counted; because each round has a new stalled viewer, whose socket has to be filled first; and because the healthy
 * viewers must receive every entry in both passes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openConstantPusher } from "../../load/clients/constant-pusher.ts";
import { type FoxgloveViewer, openFoxgloveViewer } from "../../load/clients/foxglove-viewer.ts";
import { openMany } from "../../load/clients/websocket.ts";
import { drained } from "../../load/drain.ts";
import { sendAtRate } from "../../load/fixed-rate.ts";
import { declareChannel, SAMPLES } from "../../load/foxglove-channels.ts";
import { comparisonOf } from "../../load/measurement/rounds.ts";
import { createSamples, median, type Samples } from "../../load/measurement/statistics.ts";
import { residentBytes, type Server } from "../../load/processes/process.ts";
import { atMost, type Row, ratioCell } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const CHANNELS = 50;
const PER_SECOND = 30;
const SECONDS = 5;
const HEALTHY = 3;
/** A socket that is not read is full in less than a second of these. */
const ENTRY = Buffer.from(JSON.stringify({ ranges: "0.123456789,".repeat(800) }));
/** Two passes without a stalled viewer differ by less. */
const BAR = atMost(1.5, 1.15, "×");
const RESIDENT_EVERY_MS = 50;

interface Pass {
  readonly p99: number;
  readonly residentBytes: number;
}

export const foxgloveStalledRow: Row = {
  name: "foxglove-stalled",
  what: `${CHANNELS} channels at ${PER_SECOND} Hz to ${HEALTHY} viewers of Foxglove, beside one that reads nothing: their p99`,
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway();
    try {
      await pass(stage, gateway, "stalled-warm-up", true);
      const without: Pass[] = [];
      const beside: Pass[] = [];
      for (let round = 0; round < stage.rounds; round++) {
        const a = await pass(stage, gateway, `stalled-without-${round}`, false);
        const b = await pass(stage, gateway, `stalled-beside-${round}`, true);
        stage.say(`without: ${describe(a)}; beside a stalled viewer: ${describe(b)}`);
        without.push(a);
        beside.push(b);
      }
      const p99 = (passes: readonly Pass[]) => passes.map((one) => one.p99);
      const comparison = comparisonOf(p99(without), p99(beside));
      const growth = median(beside.map((one, i) => one.residentBytes - (without[i]?.residentBytes ?? 0)));
      return {
        reference: `p99 ${comparison.reference.toFixed(2)} ms`,
        ours: `p99 ${comparison.ours.toFixed(2)} ms, ${(growth / 1e6).toFixed(1)} MB more`,
        ratio: ratioCell(comparison),
        verdict: BAR.judge(comparison.ratio),
      };
    } finally {
      await gateway.stop();
    }
  },
};

const describe = (one: Pass): string =>
  `p99 ${one.p99.toFixed(2)} ms, ${(one.residentBytes / 1e6).toFixed(1)} MB`;

async function pass(
  stage: Stage,
  { port, pid }: Server,
  name: string,
  hasStalledViewer: boolean,
): Promise<Pass> {
  const streams = Array.from({ length: CHANNELS }, (_, i) => `${name}-${i}`);
  const channels: number[] = [];
  for (const stream of streams) channels.push(await declareChannel(stage.redis, stream, SAMPLES));
  const sentAt = streams.map((): number[] => []);
  const times = createSamples();
  const viewers = await openMany(HEALTHY, () => openTimed(port, channels, sentAt, times));
  const pushers = await openMany(CHANNELS, (i) =>
    openConstantPusher({ port, path: `/data/${streams[i]}/push?header=0` }, ENTRY),
  );
  const stalled = hasStalledViewer ? await openFoxgloveViewer(port, channels) : undefined;
  stalled?.stopReading();
  await sleep(200);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes(pid));
  }, RESIDENT_EVERY_MS);
  const count = CHANNELS * PER_SECOND * SECONDS;
  try {
    await sendAtRate(CHANNELS * PER_SECOND, count, (i) => {
      sentAt[i % CHANNELS]?.push(performance.now());
      pushers[i % CHANNELS]?.push();
    });
    await drained(
      () => {
        for (const one of [...viewers, ...pushers]) one.check();
        return times.count === HEALTHY * count;
      },
      () => `viewers have received ${times.count} of ${HEALTHY * count} entries`,
    );
    return { p99: times.percentile(0.99), residentBytes: most };
  } finally {
    clearInterval(watch);
    for (const one of [...viewers, ...pushers]) one.close();
    stalled?.close();
    await stage.redis.command("UNLINK", ...streams.map((stream) => `default:${stream}`));
    await sleep(200);
  }
}

/** Opens a viewer that records the time of each message. @param sentAt times of the pushes, by channel */
function openTimed(
  port: number,
  channels: readonly number[],
  sentAt: readonly (readonly number[])[],
  times: Samples,
): Promise<FoxgloveViewer> {
  const received = channels.map(() => 0);
  return openFoxgloveViewer(port, channels, {
    onMessage(subscription) {
      const index = received[subscription] ?? 0;
      received[subscription] = index + 1;
      times.add(performance.now() - (sentAt[subscription]?.[index] ?? Number.NaN));
    },
  });
}

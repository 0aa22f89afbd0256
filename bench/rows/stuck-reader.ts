/**
 * One client that does not read while 1 GB is delivered: 10,000 entries of 100 KB (100,000 bytes) are pushed at a steady
 * 200 MB/s to a stream with 3 healthy readers, once without and once with a fourth reader that stops reading after its
 * handshake. Compares the peak resident memory of the gateway in both passes, and the healthy readers' p99 from push to
 * pull.
 *
 * The comparison is fair because the pass without the stuck client uses the same gateway under the same load, after a pass
 * that is not counted, so uncollected garbage affects both; and because the stuck client is a new one in each round. The
 * healthy readers must receive every entry in both passes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../load/clients/websocket.ts";
import { openPusher } from "../load/clients/websocket-pusher.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { drained } from "../load/drain.ts";
import { sendAtRate } from "../load/fixed-rate.ts";
import { createSamples, median } from "../load/measurement/statistics.ts";
import type { Server } from "../load/processes/process.ts";
import { residentBytes } from "../load/processes/process.ts";
import { type Row, times, type Verdict } from "../row.ts";

const ENTRIES = 10_000;
const ENTRY_BYTES = 100_000;
const PER_SECOND = 2000;
const HEALTHY = 3;
const MUST_MB = 20;
const AIM_MB = 5;
/** Two passes without a stuck client differ by this much. */
const SAME_P99 = 1.15;
const RESIDENT_EVERY_MS = 50;

interface Pass {
  readonly residentBytes: number;
  readonly p99: number;
}

export const stuckReaderRow: Row = {
  name: "stuck-reader",
  what: "one client reads nothing while 1 GB passes: growth; others' p99",
  must: `≤ ${MUST_MB} MB`,
  aim: `≤ ${AIM_MB} MB, same p99`,
  async measure(stage) {
    const gateway = await stage.startGateway();
    try {
      await pass(gateway, "stuck-start", false);
      const without: Pass[] = [];
      const beside: Pass[] = [];
      for (let round = 0; round < stage.rounds; round++) {
        const [a, b] = [
          await pass(gateway, `stuck-without-${round}`, false),
          await pass(gateway, `stuck-beside-${round}`, true),
        ];
        stage.say(`without: ${describe(a)}; beside a stuck client: ${describe(b)}`);
        without.push(a);
        beside.push(b);
        await stage.redis.command(
          "UNLINK",
          `default:stuck-without-${round}`,
          `default:stuck-beside-${round}`,
        );
      }
      const growth =
        median(beside.map((one, i) => one.residentBytes - (without[i]?.residentBytes ?? 0))) / 1e6;
      const before = median(without.map((one) => one.p99));
      const during = median(beside.map((one) => one.p99));
      const verdict: Verdict =
        growth <= AIM_MB && during <= before * SAME_P99 ? "aim" : growth <= MUST_MB ? "must" : "missed";
      return {
        reference: `p99 ${before.toFixed(2)} ms`,
        ours: `${growth.toFixed(1)} MB, p99 ${during.toFixed(2)} ms`,
        ratio: times(during / before),
        verdict,
      };
    } finally {
      await gateway.stop();
    }
  },
};

const describe = (one: Pass): string =>
  `${(one.residentBytes / 1e6).toFixed(1)} MB, p99 ${one.p99.toFixed(2)} ms`;

async function pass(gateway: Server, stream: string, withStuckClient: boolean): Promise<Pass> {
  const { port, pid } = gateway;
  const pull = { port, path: `/data/${stream}/pull?header=0` };
  const latencies = createSamples();
  const readers = await openMany(HEALTHY, () => openReader(pull, latencies));
  const pusher = await openPusher({ port, path: `/data/${stream}/push?header=0` }, ENTRY_BYTES);
  const stuck = withStuckClient ? await openReader(pull) : undefined;
  stuck?.stopReading();
  await sleep(200);
  let max = 0;
  const watch = setInterval(() => {
    max = Math.max(max, residentBytes(pid));
  }, RESIDENT_EVERY_MS);
  try {
    await sendAtRate(PER_SECOND, ENTRIES, () => pusher.push(1));
    await drained(
      () => {
        for (const reader of readers) reader.check();
        return readers.every((reader) => reader.entries === ENTRIES);
      },
      () => `not all healthy readers have got all ${ENTRIES} entries`,
    );
    return { residentBytes: max, p99: latencies.percentile(0.99) };
  } finally {
    clearInterval(watch);
    for (const one of [...readers, pusher]) one.close();
    stuck?.close();
    await sleep(200);
  }
}

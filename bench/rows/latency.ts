/**
 * Latency: one pusher sends 300 entries of 100 B per second to one stream with 50 pull clients, `header=0`; p99 of the
 * time from just before an entry is written to just after it is read.
 *
 * Fair because pusher and readers are one process with one clock, which never sleeps, for both sides; because the delay of
 * reading 50 sockets in turn is the same for both; and because both sides are warmed up by the same faster pass, which is
 * not counted. The gateway's path includes Redis.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { formatBusy, watchBusy } from "../load/busy.ts";
import { drained } from "../load/drain.ts";
import { sendAtRate } from "../load/fixed-rate.ts";
import { compare } from "../load/rounds.ts";
import { createSamples } from "../load/statistics.ts";
import { openMany } from "../load/websocket.ts";
import { openPusher } from "../load/websocket-pusher.ts";
import { openReader } from "../load/websocket-reader.ts";
import { atMost, type Row, times } from "../row.ts";

const BAR = atMost(1.5, 1, "×");
const READERS = 50;
const PER_SECOND = 300;
const SECONDS = 4;
/** Warm-up that is not measured: connections are new, and code is being compiled. */
const START_SECONDS = 1;
/** Sent to each side before all rounds, so that its code is compiled: at 300 per second that takes half a minute. */
const WARM_UP = { perSecond: 3000, entries: 12_000 };

export const latencyRow: Row = {
  name: "latency",
  what: "latency push to pull, 50 clients, 300 messages/s: p99",
  ...BAR,
  async measure(stage) {
    const relay = await stage.startRelay();
    const gateway = await stage.startGateway();
    const run = async (name: string, port: number, stream: string, isWarmUp = false) => {
      const latencies = createSamples();
      const pull = { port, path: `/data/${stream}/pull?header=0` };
      const readers = await openMany(READERS, () => openReader(pull, latencies));
      const pusher = await openPusher({ port, path: `/data/${stream}/push?header=0` }, 100);
      try {
        await sleep(200);
        const busy = watchBusy(
          name === "relay" ? { relay: relay.pid } : { gateway: gateway.pid, redis: stage.redis.pid },
        );
        if (isWarmUp) await sendAtRate(WARM_UP.perSecond, WARM_UP.entries, () => pusher.push(1));
        else await sendAtRate(PER_SECOND, PER_SECOND * (START_SECONDS + SECONDS), () => pusher.push(1));
        await drained(
          () => {
            for (const reader of readers) reader.check();
            return readers.every((reader) => reader.entries === pusher.pushed);
          },
          () => `not all readers have received all ${pusher.pushed} entries`,
        );
        const from = PER_SECOND * START_SECONDS * READERS;
        const [p50, p99] = [latencies.percentile(0.5, from), latencies.percentile(0.99, from)];
        stage.say(`${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (${formatBusy(busy())})`);
        return p99;
      } finally {
        pusher.close();
        for (const reader of readers) reader.close();
      }
    };
    try {
      await run("relay", relay.port, "warm-up", true);
      await run("gateway", gateway.port, "warm-up", true);
      const { reference, ours, ratio } = await compare(
        stage.rounds,
        (round) => run("relay", relay.port, `latency-${round}`),
        (round) => run("gateway", gateway.port, `latency-${round}`),
      );
      return {
        reference: `relay ${reference.toFixed(2)} ms`,
        ours: `${ours.toFixed(2)} ms`,
        ratio: times(ratio),
        verdict: BAR.judge(ratio),
      };
    } finally {
      await Promise.all([relay.stop(), gateway.stop()]);
    }
  },
};

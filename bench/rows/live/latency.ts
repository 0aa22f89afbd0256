/**
 * Latency: one pusher sends 300 entries of 100 B per second to one stream with 50 pull clients, `header=0`; p99 of the
 * time from just before an entry is written to just after it is read. One row compares with the naive relay, one with NATS
 * (core, without storage).
 *
 * The comparison is fair because pusher and readers are one process with one clock, which never sleeps, for both sides;
 * because the delay of reading 50 sockets in turn is the same for both; and because both sides are warmed up by the same
 * faster pass, which is not counted. The gateway's path includes Redis.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../../load/clients/websocket.ts";
import { drained } from "../../load/drain.ts";
import { sendAtRate } from "../../load/fixed-rate.ts";
import { formatBusy, watchBusy } from "../../load/measurement/busy.ts";
import { compare } from "../../load/measurement/rounds.ts";
import { createSamples } from "../../load/measurement/statistics.ts";
import { atMost, type Bar, type Row, ratioCell } from "../../row.ts";
import { gatewaySide, natsSide, relaySide, type Side } from "../../side.ts";
import type { Stage } from "../../stage.ts";

const RELAY_BAR = atMost(1.5, 1, "×");
const NATS_BAR = atMost(1.25, 1, "×");
const READERS = 50;
const PER_SECOND = 300;
const SECONDS = 3;
/** Warm-up that is not measured: connections are new, and code is being compiled. */
const START_SECONDS = 1;
/** Sent to each side before all rounds, so that its code is compiled: at 300 per second that takes half a minute. */
const WARM_UP = { perSecond: 3000, entries: 12_000 };

export const latencyRow: Row = {
  name: "latency",
  what: "latency push to pull, 50 clients, 300 messages/s: p99",
  ...RELAY_BAR,
  measure: (stage) => measure(stage, "relay", RELAY_BAR),
};

export const latencyNatsRow: Row = {
  name: "latency-nats",
  what: "latency, 50 clients, 300 messages/s, against NATS: p99",
  ...NATS_BAR,
  measure: (stage) => measure(stage, "NATS", NATS_BAR),
};

async function measure(stage: Stage, against: "relay" | "NATS", bar: Bar) {
  const server = await (against === "relay" ? stage.startRelay() : stage.startNats());
  const gateway = await stage.startGateway();
  const reference = against === "relay" ? relaySide(server) : natsSide(server);
  const ours = gatewaySide(gateway, stage.redis);
  const run = (side: Side) => async (round: number | "warm-up") => {
    const { p50, p99, busy } = await pass(side, `latency-${round}`, round === "warm-up");
    stage.say(`${side.name}, ${round}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (${busy})`);
    return p99;
  };
  try {
    await run(reference)("warm-up");
    await run(ours)("warm-up");
    const comparison = await compare(stage.rounds, run(reference), run(ours));
    return {
      reference: `${against} ${comparison.reference.toFixed(2)} ms`,
      ours: `${comparison.ours.toFixed(2)} ms`,
      ratio: ratioCell(comparison),
      verdict: bar.judge(comparison.ratio),
    };
  } finally {
    await Promise.all([server.stop(), gateway.stop()]);
  }
}

async function pass(side: Side, stream: string, isWarmUp: boolean) {
  const latencies = createSamples();
  const readers = await openMany(READERS, () => side.openReader(stream, latencies));
  const pusher = await side.openPusher(stream, 100);
  try {
    await sleep(200);
    const busy = watchBusy(side.pids);
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
    return {
      p50: latencies.percentile(0.5, from),
      p99: latencies.percentile(0.99, from),
      busy: formatBusy(busy()),
    };
  } finally {
    pusher.close();
    for (const reader of readers) reader.close();
  }
}

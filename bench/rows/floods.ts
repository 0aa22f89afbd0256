/**
 * Hostile clients next to healthy ones: 300 connections that send a request head byte by byte, and 4 pushers that send
 * tiny frames as fast as the gateway accepts them. Compares the p99 from push to pull of a healthy pusher and 5 readers,
 * before and during the floods.
 *
 * The comparison is fair because both passes use the same gateway with the same settings, after a faster pass and a flood that
 * are not counted, and because the floods run in this process, so their cost here is part of the second pass. Each pass waits
 * until the gateway is idle: after flooders disconnect, it processes their received data at the limited rate for many seconds.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../load/clients/websocket.ts";
import { openPusher } from "../load/clients/websocket-pusher.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { drained } from "../load/drain.ts";
import { sendAtRate } from "../load/fixed-rate.ts";
import { comparisonOf } from "../load/measurement/rounds.ts";
import { createSamples, median } from "../load/measurement/statistics.ts";
import { makeBenchKeys } from "../load/processes/keys.ts";
import type { Server } from "../load/processes/process.ts";
import { atMost, type Row, ratioCell } from "../row.ts";

const BAR = atMost(2, 1.25, "×");
const PER_SECOND = 300;
const SECONDS = 5;
/** Warm-up that is not measured: connections are new. */
const START_SECONDS = 1;
/** Sent before all rounds, so that the gateway's code is compiled: at 300 per second that takes half a minute. */
const WARM_UP = { perSecond: 3000, entries: 12_000 };
const READERS = 5;
const SLOW = 300;
/**
 * Interval at which each of them sends a byte. They take turns in steps, and at most `OPENED_PER_STEP` of those that were
 * disconnected return in a step: all at once would block this process for milliseconds, and not the gateway.
 */
const DRIP_EVERY_MS = 200;
const DRIP_STEPS = 20;
const OPENED_PER_STEP = 2;
const FLOODERS = 4;
/** Frames that each flooder keeps in flight: far more than the limit permits. */
const FLOOD_FRAMES = 20_000;
const TINY_BYTES = 16;
/** Upper bound of the time that the gateway needs to process all data of the flooders at the limited rate. */
const EMPTY_WITHIN_MS = 60_000;

export const floodsRow: Row = {
  name: "floods",
  what: "slow heads and floods of tiny frames: a healthy reader's p99",
  ...BAR,
  async measure(stage) {
    using keys = makeBenchKeys(2);
    const [healthy = "", hostile = ""] = keys.secrets;
    const gateway = await stage.startGateway({
      AUTH: "1",
      AUTH_KEYS_FILE: keys.path,
      MAX_MESSAGES_PER_SECOND: "5000",
      HANDSHAKE_TIMEOUT_MS: "2000",
    });
    const run = async (stream: string, load?: Load) => {
      await emptied(gateway, healthy);
      return pass(gateway, stream, healthy, load);
    };
    const flooded = async (stream: string) => {
      await emptied(gateway, healthy);
      const stop = await flood(gateway, hostile);
      try {
        return await pass(gateway, stream, healthy);
      } finally {
        stop();
      }
    };
    try {
      await run("floods-warm-up", WARM_UP);
      await flooded("floods-warm-up-flooded");
      const before: Latency[] = [];
      const during: Latency[] = [];
      for (let round = 0; round < stage.rounds; round++) {
        const [calm, rough] = [await run(`floods-before-${round}`), await flooded(`floods-during-${round}`)];
        before.push(calm);
        during.push(rough);
        stage.say(`before ${shown(calm)}, during ${shown(rough)}`);
      }
      const [calm, rough] = [middleOf(before), middleOf(during)];
      stage.say(`medians: before ${shown(calm)}, during ${shown(rough)}`);
      const comparison = comparisonOf(
        before.map(({ p99 }) => p99),
        during.map(({ p99 }) => p99),
      );
      return {
        reference: `before ${calm.p99.toFixed(2)} ms`,
        ours: `during ${rough.p99.toFixed(2)} ms`,
        ratio: ratioCell(comparison),
        verdict: BAR.judge(comparison.ratio),
      };
    } finally {
      await gateway.stop();
    }
  },
};

/** Times from push to pull, in ms. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
}

interface Load {
  readonly perSecond: number;
  readonly entries: number;
}

const shown = ({ p50, p99 }: Latency): string => `p50 ${p50.toFixed(2)} ms and p99 ${p99.toFixed(2)} ms`;

const middleOf = (latencies: readonly Latency[]): Latency => ({
  p50: median(latencies.map(({ p50 }) => p50)),
  p99: median(latencies.map(({ p99 }) => p99)),
});

/** Resolves when the gateway has no connections. */
async function emptied({ port }: Server, token: string): Promise<void> {
  let left = Number.POSITIVE_INFINITY;
  for (const end = Date.now() + EMPTY_WITHIN_MS; left > 0; await sleep(50)) {
    if (Date.now() > end) throw new Error(`${left} connections of the previous pass are still open`);
    const answer = await fetch(`http://127.0.0.1:${port}/admin/connections`, {
      headers: { "x-api-key": token },
    });
    left = ((await answer.json()) as unknown[]).length;
  }
}

async function pass(
  { port }: Server,
  stream: string,
  token: string,
  { perSecond, entries }: Load = { perSecond: PER_SECOND, entries: PER_SECOND * (START_SECONDS + SECONDS) },
): Promise<Latency> {
  const latencies = createSamples();
  const pull = { port, path: `/data/${stream}/pull?header=0`, token };
  const readers = await openMany(READERS, () => openReader(pull, latencies));
  const pusher = await openPusher({ port, path: `/data/${stream}/push?header=0`, token }, 100);
  try {
    await sleep(200);
    await sendAtRate(perSecond, entries, () => pusher.push(1));
    await drained(
      () => {
        for (const reader of readers) reader.check();
        return readers.every((reader) => reader.entries === pusher.pushed);
      },
      () => `not all readers have received all ${pusher.pushed} entries`,
    );
    const from = perSecond * START_SECONDS * READERS;
    return { p50: latencies.percentile(0.5, from), p99: latencies.percentile(0.99, from) };
  } finally {
    for (const one of [...readers, pusher]) one.close();
  }
}

/** Starts the floods. @returns a function that stops them */
async function flood({ port }: Server, token: string): Promise<() => void> {
  const groups = Array.from({ length: DRIP_STEPS }, () => new Set<Socket>());
  const open = (sockets: Set<Socket>) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    sockets.add(socket);
  };
  const dripping = setInterval(() => {
    const sockets = groups.shift() ?? new Set();
    groups.push(sockets);
    for (const socket of sockets) socket.write("x");
    // The gateway closes them; new ones replace them.
    for (let i = 0; i < OPENED_PER_STEP && sockets.size < SLOW / DRIP_STEPS; i++) open(sockets);
  }, DRIP_EVERY_MS / DRIP_STEPS);
  const flooders = await openMany(FLOODERS, () =>
    openPusher({ port, path: "/data/flood/push?header=0", token }, TINY_BYTES),
  );
  for (const flooder of flooders) flooder.push(FLOOD_FRAMES);
  return () => {
    clearInterval(dripping);
    for (const socket of groups.flatMap((sockets) => [...sockets])) socket.destroy();
    for (const flooder of flooders) flooder.close();
  };
}

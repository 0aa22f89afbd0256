/**
 * Clients that mean harm beside one that does not: 300 connections that send the head of a request a byte at a time, and
 * 4 pushers that send tiny frames as fast as they are let. What is compared is the p99 from push to pull of a healthy
 * pusher and 5 readers, before and during.
 *
 * Fair because both passes are the same gateway with the same settings, one right behind the other; and because the
 * floods come from this process, so that what they cost here is in the number of the second pass too.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { drained } from "../load/drain.ts";
import { makeBenchKeys } from "../load/keys.ts";
import { pace } from "../load/pace.ts";
import { createSamples, median } from "../load/statistics.ts";
import { openMany } from "../load/websocket.ts";
import { openPusher } from "../load/websocket-pusher.ts";
import { openReader } from "../load/websocket-reader.ts";
import { atMost, type Row, times } from "../row.ts";
import type { Server } from "../stage.ts";

const BAR = atMost(2, 1.25, "×");
const PER_SECOND = 300;
const SECONDS = 4;
const READERS = 5;
const SLOW = 300;
const DRIP_EVERY_MS = 200;
const FLOODERS = 4;
/** Frames that each flooder keeps under way: far more than it is let. */
const FLOOD_FRAMES = 20_000;
const TINY_BYTES = 16;

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
    try {
      await pass(gateway, "floods-start", healthy);
      const before: number[] = [];
      const during: number[] = [];
      for (let round = 0; round < stage.rounds; round++) {
        before.push(await pass(gateway, `floods-before-${round}`, healthy));
        const stop = await flood(gateway, hostile);
        during.push(await pass(gateway, `floods-during-${round}`, healthy));
        stop();
        stage.say(`p99 before ${before.at(-1)?.toFixed(2)} ms, during ${during.at(-1)?.toFixed(2)} ms`);
      }
      const ratio = median(during) / median(before);
      return {
        reference: `before ${median(before).toFixed(2)} ms`,
        ours: `during ${median(during).toFixed(2)} ms`,
        ratio: times(ratio),
        verdict: BAR.judge(ratio),
      };
    } finally {
      await gateway.stop();
    }
  },
};

/** @returns p99 in ms */
async function pass({ port }: Server, stream: string, token: string): Promise<number> {
  const latencies = createSamples();
  const pull = { port, path: `/data/${stream}/pull?header=0`, token };
  const readers = await openMany(READERS, () => openReader(pull, latencies));
  const pusher = await openPusher({ port, path: `/data/${stream}/push?header=0`, token }, 100);
  try {
    await sleep(200);
    await pace(PER_SECOND, PER_SECOND * SECONDS, () => pusher.push(1));
    await drained(
      () => {
        for (const reader of readers) reader.check();
        return readers.every((reader) => reader.entries === pusher.pushed);
      },
      () => `not all readers have got all ${pusher.pushed} entries`,
    );
    return latencies.percentile(0.99);
  } finally {
    for (const one of [...readers, pusher]) one.close();
  }
}

/** Starts the floods. @returns what ends them */
async function flood({ port }: Server, token: string): Promise<() => void> {
  const sockets = new Set<Socket>();
  const open = () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    sockets.add(socket);
  };
  const dripping = setInterval(() => {
    for (const socket of sockets) socket.write("x");
    // The gateway cuts them; others come.
    while (sockets.size < SLOW) open();
  }, DRIP_EVERY_MS);
  const flooders = await openMany(FLOODERS, () =>
    openPusher({ port, path: "/data/flood/push?header=0", token }, TINY_BYTES),
  );
  for (const flooder of flooders) flooder.push(FLOOD_FRAMES);
  return () => {
    clearInterval(dripping);
    for (const socket of sockets) socket.destroy();
    for (const flooder of flooders) flooder.close();
  };
}

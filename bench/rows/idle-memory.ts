/**
 * Idle pull client: resident memory per client. 2,000 clients with the default parameters (so each receives an empty pair
 * every 5 s) on 50 streams without a pusher; the growth of the gateway's VmRSS, divided by the number of clients.
 *
 * The comparison is fair because every round has a new gateway to which 50 clients have already connected and disconnected, so
 * that loading and compiling code is not counted; because no garbage collection is forced; and because before and after use
 * the smallest value of several seconds, with two rounds of empty pairs in between.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../load/clients/websocket.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { spreadOf } from "../load/measurement/rounds.ts";
import { median } from "../load/measurement/statistics.ts";
import { minResidentBytes } from "../load/processes/process.ts";
import { atMost, type Row } from "../row.ts";
import type { Stage } from "../stage.ts";

const BAR = atMost(16, 10, "KB");
const CLIENTS = 2000;
const STREAMS = 50;
const EARLIER_CLIENTS = 50;
const BEFORE_MS = 3000;
const AFTER_MS = 10_000;

export const idleMemoryRow: Row = {
  name: "idle-memory",
  what: "an idle pull client: resident memory",
  ...BAR,
  async measure(stage) {
    const rounds: number[] = [];
    for (let round = 0; round < stage.rounds; round++) {
      const bytes = await measureOnce(stage);
      stage.say(`gateway: ${(bytes / 1024).toFixed(1)} KB a client`);
      rounds.push(bytes);
    }
    const kilobytes = median(rounds) / 1024;
    const { min, max } = spreadOf(rounds);
    const spread = `(${(min / 1024).toFixed(1)} to ${(max / 1024).toFixed(1)})`;
    return {
      reference: "",
      ours: `${kilobytes.toFixed(1)} KB ${spread}`,
      ratio: "",
      verdict: BAR.judge(kilobytes),
    };
  },
};

async function measureOnce(stage: Stage): Promise<number> {
  const gateway = await stage.startGateway();
  const connect = (count: number) =>
    openMany(count, (i) => openReader({ port: gateway.port, path: `/data/idle-${i % STREAMS}/pull` }));
  try {
    for (const reader of await connect(EARLIER_CLIENTS)) reader.close();
    await sleep(500);
    const before = await minResidentBytes(gateway.pid, BEFORE_MS);
    const readers = await connect(CLIENTS);
    const after = await minResidentBytes(gateway.pid, AFTER_MS);
    for (const reader of readers) {
      reader.check();
      reader.close();
    }
    return (after - before) / CLIENTS;
  } finally {
    await gateway.stop();
  }
}

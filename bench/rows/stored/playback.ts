/**
 * Playback: one client reads a stream of 1,000,000 entries of 100 B with `rate=0`. Compares its entries per second with those
 * of plain catching up (`last_entry_id=0`).
 *
 * The comparison is fair because both read the same stream through the same gateway in the same format, in turns, and both
 * must receive all entries in order.
 */

import { blockingSleep, eventLoopTurn } from "../../load/blocking-sleep.ts";
import { openReader } from "../../load/clients/websocket-reader.ts";
import { compare } from "../../load/measurement/rounds.ts";
import type { Server } from "../../load/processes/process.ts";
import { record } from "../../load/record.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(0.9, 1);
const ENTRIES = 1_000_000;
const LIMIT_MS = 120_000;

export const playbackRow: Row = {
  name: "playback",
  what: "1 client reads 1,000,000 entries with rate=0, against catching up",
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0" });
    try {
      await record(stage, gateway, ENTRIES);
      const { reference, ours, ratio, ratios } = await compare(
        stage.rounds,
        () => entriesPerSecond(gateway, "last_entry_id=0"),
        () => entriesPerSecond(gateway, "rate=0"),
      );
      return {
        reference: `catching up ${whole(reference)}/s`,
        ours: `${whole(ours)}/s`,
        ratio: ratioCell({ ratio, ratios }),
        verdict: BAR.judge(ratio),
      };
    } finally {
      await gateway.stop();
    }
  },
};

async function entriesPerSecond(gateway: Server, query: string): Promise<number> {
  const start = performance.now();
  const reader = await openReader({ port: gateway.port, path: `/data/recording/pull?header=0&${query}` });
  while (reader.entries < ENTRIES) {
    reader.check();
    if (performance.now() > start + LIMIT_MS)
      throw new Error("timed out before the client received the whole stream");
    await eventLoopTurn();
    blockingSleep(1);
  }
  reader.close();
  return (ENTRIES * 1000) / (performance.now() - start);
}

/**
 * Storing camera-sized entries: 4 clients push 100 KB (100,000 bytes) with `ack=1`, `header=0`, each with 16
 * unacknowledged entries; MB (10^6 bytes) stored per second.
 *
 * Fair for the reasons of the row of small entries; redis-benchmark is fastest with 16 commands in flight.
 */
import { compareWithRawRedis } from "../../load/compare-storing.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(0.5, 0.8);
const ENTRY_BYTES = 100_000;

export const pushLargeRow: Row = {
  name: "push-large",
  what: "100 KB entries pushed: MB/s stored",
  ...BAR,
  async measure(stage) {
    const task = {
      clients: 4,
      inFlight: 16,
      entryBytes: ENTRY_BYTES,
      measureMs: 1500,
    };
    const comparison = await compareWithRawRedis(stage, task, 20_000);
    const megabytes = (entries: number) => whole((entries * ENTRY_BYTES) / 1e6);
    return {
      reference: `Redis ${megabytes(comparison.reference)}`,
      ours: megabytes(comparison.ours),
      ratio: ratioCell(comparison),
      verdict: BAR.judge(comparison.ratio),
    };
  },
};

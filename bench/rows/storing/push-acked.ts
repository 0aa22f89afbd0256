/**
 * Storing small entries: 4 clients push 100 B with `ack=1`, `header=0`, each with 200 unacknowledged entries; entries
 * stored per second.
 *
 * The comparison is fair because redis-benchmark uses the same shape: 4 connections with 200 commands in flight each, the same
 * command and length, the same redis-server, and the other core for itself. An entry counts when its acknowledgement has
 * arrived, and afterwards the number of entries in Redis is compared.
 */
import { compareWithRawRedis } from "../../load/compare-storing.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(0.25, 0.5);

export const pushAckedRow: Row = {
  name: "push-acked",
  what: "4 clients push 100 B with ack, 200 in flight each: stored/s",
  ...BAR,
  async measure(stage) {
    const task = {
      clients: 4,
      inFlight: 200,
      entryBytes: 100,
      measureMs: 1500,
    };
    const comparison = await compareWithRawRedis(stage, task, 1_500_000);
    return {
      reference: `Redis ${whole(comparison.reference)}`,
      ours: whole(comparison.ours),
      ratio: ratioCell(comparison),
      verdict: BAR.judge(comparison.ratio),
    };
  },
};

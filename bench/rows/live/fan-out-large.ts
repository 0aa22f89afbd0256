/**
 * Fan-out of camera-sized entries: one stream, 20 pull clients, 100 KB (100,000 bytes), `header=0`; MB (10^6 bytes)
 * delivered per second to all clients together. One row compares with the naive relay, one with NATS.
 *
 * Fair for the reasons of the rows of small entries. Here copying in the kernel dominates on all sides. The window is 32
 * entries (3.2 MB per client); the references do not get faster with more.
 */
import { compareFanOut } from "../../load/compare-fan-out.ts";
import { atLeast, type Bar, type Row, ratioCell, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const RELAY_BAR = atLeast(0.9, 1.1);
const NATS_BAR = atLeast(1.5, 2);
const ENTRY_BYTES = 100_000;

export const fanOutLargeRow: Row = {
  name: "fan-out-large",
  what: "100 KB entries to 20 clients: MB/s",
  ...RELAY_BAR,
  measure: (stage) => measure(stage, "relay", RELAY_BAR),
};

export const fanOutLargeNatsRow: Row = {
  name: "fan-out-large-nats",
  what: "100 KB entries to 20 clients, against NATS: MB/s",
  ...NATS_BAR,
  measure: (stage) => measure(stage, "NATS", NATS_BAR),
};

async function measure(stage: Stage, against: "relay" | "NATS", bar: Bar) {
  const comparison = await compareFanOut(stage, {
    against,
    readers: 20,
    entryBytes: ENTRY_BYTES,
    window: 32,
    sleepMs: 1,
    measureMs: 1500,
  });
  const megabytes = (entries: number) => whole((entries * ENTRY_BYTES) / 1e6);
  return {
    reference: `${against} ${megabytes(comparison.reference)}`,
    ours: megabytes(comparison.ours),
    ratio: ratioCell(comparison),
    verdict: bar.judge(comparison.ratio),
  };
}

/**
 * Fan-out of small entries: one stream, 100 pull clients, 100 B, `header=0`, at full speed; entries delivered per second
 * to all clients together. One row compares with the naive relay, one with NATS (core, without storage).
 *
 * Fair for three reasons. Both sides receive the same entries from the same pusher, which is at most `window` entries
 * ahead of the slowest reader, and the same sockets of one process read them. All readers sleep together for a few ms
 * between reads, which makes the relay's many small writes a fifth cheaper than readers that wake up for each write; the
 * load then uses less than a third of a core, and neither side waits for it. Every reader checks the number of every
 * entry. The gateway also stores each entry in Redis, on the same two cores; the references do not.
 */
import { compareFanOut } from "../../load/compare-fan-out.ts";
import { atLeast, type Bar, type Row, ratioCell, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const RELAY_BAR = atLeast(8, 20);
const NATS_BAR = atLeast(2, 4);

export const fanOutRow: Row = {
  name: "fan-out",
  what: "fan-out, 100 clients, 100 B, header=0: delivered/s",
  ...RELAY_BAR,
  measure: (stage) => measure(stage, "relay", RELAY_BAR),
};

export const fanOutNatsRow: Row = {
  name: "fan-out-nats",
  what: "fan-out, 100 clients, 100 B, against NATS: delivered/s",
  ...NATS_BAR,
  measure: (stage) => measure(stage, "NATS", NATS_BAR),
};

async function measure(stage: Stage, against: "relay" | "NATS", bar: Bar) {
  const comparison = await compareFanOut(stage, {
    against,
    readers: 100,
    entryBytes: 100,
    window: 4096,
    maxLength: 20_000,
    sleepMs: 4,
    measureMs: 1500,
  });
  return {
    reference: `${against} ${whole(comparison.reference)}`,
    ours: whole(comparison.ours),
    ratio: ratioCell(comparison),
    verdict: bar.judge(comparison.ratio),
  };
}

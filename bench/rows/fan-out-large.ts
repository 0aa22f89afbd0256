/**
 * Fan-out of camera-sized entries: one stream, 20 pull clients, 100 KB (100,000 bytes), `header=0`; MB (10^6 bytes)
 * delivered per second to all clients together.
 *
 * Fair for the reasons of the row of small entries. Here copying in the kernel dominates on both sides. The window is 32
 * entries (3.2 MB per client); the relay does not get faster with more.
 */
import { fanOutAgainstRelay } from "../load/against-relay.ts";
import { atLeast, type Row, times, whole } from "../row.ts";

const BAR = atLeast(0.9, 1.1);
const ENTRY_BYTES = 100_000;

export const fanOutLargeRow: Row = {
  name: "fan-out-large",
  what: "100 KB entries to 20 clients: MB/s",
  ...BAR,
  async measure(stage) {
    const { reference, ours, ratio } = await fanOutAgainstRelay(stage, {
      pullQuery: "header=0",
      readers: 20,
      entryBytes: ENTRY_BYTES,
      window: 32,
      napMs: 1,
      measureMs: 2000,
    });
    const megabytes = (entries: number) => whole((entries * ENTRY_BYTES) / 1e6);
    return {
      reference: `relay ${megabytes(reference)}`,
      ours: megabytes(ours),
      ratio: times(ratio),
      verdict: BAR.judge(ratio),
    };
  },
};

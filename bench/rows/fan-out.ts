/**
 * Fan-out of small entries: one stream, 100 pull clients, 100 B, `header=0`, at full speed; entries delivered per second
 * to all clients together.
 *
 * Fair for three reasons. The relay and the gateway receive the same bytes from the same pusher, which is at most `window`
 * entries ahead of the slowest reader, and the same sockets of one process read them. All readers sleep together for a few
 * ms between reads, which makes the relay's many small writes a fifth cheaper than readers that wake up for each write;
 * the load then uses less than a third of a core, and neither side waits for it. Every reader checks the number of every
 * entry. The gateway also stores each entry in Redis, on the same two cores; the relay does not.
 */
import { fanOutAgainstRelay } from "../load/against-relay.ts";
import { atLeast, type Row, times, whole } from "../row.ts";

const BAR = atLeast(8, 20);

export const fanOutRow: Row = {
  name: "fan-out",
  what: "fan-out, 100 clients, 100 B, header=0: delivered/s",
  ...BAR,
  async measure(stage) {
    const { reference, ours, ratio } = await fanOutAgainstRelay(stage, {
      pullQuery: "header=0",
      readers: 100,
      entryBytes: 100,
      window: 4096,
      maxLength: 20_000,
      napMs: 4,
      measureMs: 2000,
    });
    return {
      reference: `relay ${whole(reference)}`,
      ours: whole(ours),
      ratio: times(ratio),
      verdict: BAR.judge(ratio),
    };
  },
};

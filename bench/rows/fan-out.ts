/**
 * Fan-out of small entries: one stream, 100 pull clients, 100 B, `header=0`, as fast as it goes; entries delivered a
 * second, of all clients together.
 *
 * Fair because the relay and the gateway get the same bytes from the same pusher, at most `window` entries ahead of
 * the slowest reader, and are read by the same sockets of one process; because all readers sleep together for some ms
 * between reads, which makes the relay's many small writes a fifth cheaper than readers that wake up for each would
 * (the load takes under a third of a core then, and neither side ever waits for it); and because every reader checks
 * the number of every entry. The gateway stores each entry in Redis first, on the same two cores; the relay does not.
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

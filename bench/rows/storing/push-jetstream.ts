/**
 * Storing small entries on disk: 4 clients push 100 B with acknowledgements, each with 200 unacknowledged entries; entries
 * stored per second. The gateway's Redis has an append-only file (`appendfsync everysec`), JetStream has file storage.
 *
 * The comparison is fair because the same load pushes to both over WebSocket, and because both acknowledge an entry when it is
 * written and flush later: Redis to the disk every second, JetStream every two minutes, which is its default. JetStream keeps
 * all entries, which is faster than a limit like the gateway's. NATS receives entries that are pushed together in one frame,
 * as its own client sends them. On both sides the number of stored entries is compared afterwards.
 */
import { compareWithJetStream } from "../../load/compare-storing.ts";
import { atLeast, type Row, ratioCell, whole } from "../../row.ts";

const BAR = atLeast(1.25, 2);

export const pushJetStreamRow: Row = {
  name: "push-jetstream",
  what: "100 B pushed with ack and stored on disk, against JetStream: stored/s",
  ...BAR,
  async measure(stage) {
    const comparison = await compareWithJetStream(stage, {
      clients: 4,
      inFlight: 200,
      entryBytes: 100,
      measureMs: 1500,
    });
    return {
      reference: `JetStream ${whole(comparison.reference)}`,
      ours: whole(comparison.ours),
      ratio: ratioCell(comparison),
      verdict: BAR.judge(comparison.ratio),
    };
  },
};

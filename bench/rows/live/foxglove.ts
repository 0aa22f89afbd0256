/**
 * Fan-out to viewers of Foxglove: one stream, 20 viewers, against 20 pull clients with `format=msgpack` of the same gateway;
 * entries delivered per second to all of them together.
 *
 * The comparison is fair because both sides have the same gateway and pusher, and both formats describe each entry. Both
 * readers count their entries, and the load fails if an entry is missing. The payloads have a declared schema, so that no
 * image is skipped.
 */
import { openBatchReader } from "../../load/clients/batch-reader.ts";
import { openFoxgloveViewer } from "../../load/clients/foxglove-viewer.ts";
import { fanOut } from "../../load/fan-out.ts";
import { declareChannel } from "../../load/foxglove-channels.ts";
import { formatBusy } from "../../load/measurement/busy.ts";
import { compare } from "../../load/measurement/rounds.ts";
import type { Server } from "../../load/processes/process.ts";
import type { Redis } from "../../load/processes/redis.ts";
import { atLeast, type Outcome, type Row, ratioCell, whole } from "../../row.ts";
import { gatewaySide, type Side } from "../../side.ts";
import type { Stage } from "../../stage.ts";

const READERS = 20;
const BAR = atLeast(0.9, 1);
const META = {
  contentType: "application/x-bench",
  schema: { name: "Bench", encoding: "protobuf", data: "AAAA" },
};

const rowOf = (name: string, what: string, entryBytes: number, window: number): Row => ({
  name,
  what: `${what} entries to ${READERS} viewers of Foxglove, against pull with format=msgpack: deliveries/s`,
  ...BAR,
  measure: (stage) => measure(stage, entryBytes, window),
});

/** Rows of small and of camera-sized entries. */
export const foxgloveRows: readonly Row[] = [
  rowOf("foxglove-fan-out", "100 B", 100, 4000),
  rowOf("foxglove-fan-out-large", "100 KB", 100_000, 32),
];

async function measure(stage: Stage, entryBytes: number, window: number): Promise<Outcome> {
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "10000" });
  const run = (side: Side) => async (round: number | string) => {
    const load = { side, stream: `${side.name}-${round}`, readers: READERS, entryBytes, window };
    const { deliveriesPerSecond, busy } = await fanOut({ ...load, sleepMs: 1, measureMs: 1500 });
    stage.say(`${side.name}, ${round}: ${whole(deliveriesPerSecond)} deliveries/s (${formatBusy(busy)})`);
    return deliveriesPerSecond;
  };
  const [pull, foxglove] = [pullSide(gateway, stage.redis), foxgloveSide(gateway, stage.redis)];
  try {
    await run(pull)("warm-up");
    await run(foxglove)("warm-up");
    const comparison = await compare(stage.rounds, run(pull), run(foxglove));
    return {
      reference: `pull ${whole(comparison.reference)}/s`,
      ours: `${whole(comparison.ours)}/s`,
      ratio: ratioCell(comparison),
      verdict: BAR.judge(comparison.ratio),
    };
  } finally {
    await gateway.stop();
  }
}

const pullSide = (gateway: Server, redis: Redis): Side => ({
  ...gatewaySide(gateway, redis, { name: "pull" }),
  async openReader(stream) {
    const path = `/data/${stream}/pull?format=msgpack&block=0&count=1000`;
    const reader = await openBatchReader({ port: gateway.port, path });
    return {
      headers: 0,
      stopReading: () => undefined,
      get entries() {
        return reader.entries;
      },
      check: reader.check,
      close: reader.close,
    };
  },
});

function foxgloveSide(gateway: Server, redis: Redis): Side {
  const prepared = new Map<string, Promise<number>>();
  return {
    ...gatewaySide(gateway, redis, { name: "foxglove" }),
    async openReader(stream) {
      const channel = prepared.get(stream) ?? declareChannel(redis, stream, META);
      prepared.set(stream, channel);
      const viewer = await openFoxgloveViewer(gateway.port, [await channel]);
      return {
        headers: 0,
        get entries() {
          return viewer.messages(0);
        },
        check: viewer.check,
        stopReading: viewer.stopReading,
        close: viewer.close,
      };
    },
  };
}

/**
 * A robot in 20 viewers of Foxglove: a camera with 30 images of 100 KB per second and ten JSON streams at 100 Hz, against 20
 * pull clients of the same streams with `format=msgpack`; entries delivered per second of the gateway's processor time.
 *
 * Fair because both sides have the same gateway, and the same pushers at the same rate; because each reader has one
 * connection for all streams; and because all samples must arrive. Viewers may skip images, which then do not count;
 * the load fails if one of them skips more than half.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openBatchReader } from "../../load/clients/batch-reader.ts";
import { openConstantPusher } from "../../load/clients/constant-pusher.ts";
import { openFoxgloveViewer } from "../../load/clients/foxglove-viewer.ts";
import { openMany } from "../../load/clients/websocket.ts";
import { drained } from "../../load/drain.ts";
import { filler } from "../../load/entry.ts";
import { sendAtRate } from "../../load/fixed-rate.ts";
import { declareChannel, IMAGES, SAMPLE, SAMPLES } from "../../load/foxglove-channels.ts";
import { formatBusy, watchBusy } from "../../load/measurement/busy.ts";
import { processorMicros } from "../../load/measurement/processor-time.ts";
import { compare } from "../../load/measurement/rounds.ts";
import type { Server } from "../../load/processes/process.ts";
import { atLeast, type Outcome, type Row, ratioCell, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const READERS = 20;
const IMAGE_BYTES = 100_000;
const IMAGES_PER_SECOND = 30;
const SAMPLE_STREAMS = 10;
const SAMPLES_PER_SECOND = 100;
const START_SECONDS = 1;
const SECONDS = 3;
/** Share of the images that each viewer must receive. Viewers skip images that arrive together after a pause of the machine. */
const LEAST_IMAGES = 0.5;
const BAR = atLeast(0.9, 1);

type SideName = "pull" | "foxglove";

/** Entries of one kind of stream each. */
interface Count {
  images: number;
  samples: number;
}

/** A reader of all streams. */
interface Reader {
  /** Entries received so far. */
  entries(): number;
  /** Returns how many entries it still has to receive. */
  missing(sent: Count): number;
  check(): void;
  close(): void;
}

export const foxgloveMixedRow: Row = {
  name: "foxglove-mixed",
  what: `camera and ${SAMPLE_STREAMS} JSON streams to ${READERS} viewers of Foxglove, against pull with format=msgpack: deliveries per s of processor time`,
  ...BAR,
  measure,
};

async function measure(stage: Stage): Promise<Outcome> {
  const gateway = await stage.startGateway();
  const run = (side: SideName) => (round: number | string) => pass(stage, gateway, side, `${side}-${round}`);
  try {
    await run("pull")("warm-up");
    await run("foxglove")("warm-up");
    const comparison = await compare(stage.rounds, run("pull"), run("foxglove"));
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

/** Returns the deliveries per second of the gateway's processor time. */
async function pass(stage: Stage, gateway: Server, side: SideName, name: string): Promise<number> {
  const camera = `${name}-camera`;
  const streams = [camera, ...Array.from({ length: SAMPLE_STREAMS }, (_, i) => `${name}-samples-${i}`)];
  const channels: number[] = [];
  for (const stream of streams)
    channels.push(await declareChannel(stage.redis, stream, stream === camera ? IMAGES : SAMPLES));
  const readers = await openMany(READERS, () =>
    side === "pull" ? openPull(gateway, streams) : openViewer(gateway, channels),
  );
  const pushers = await openMany(streams.length, (i) =>
    openConstantPusher(
      { port: gateway.port, path: `/data/${streams[i]}/push?header=0` },
      i === 0 ? filler(IMAGE_BYTES) : SAMPLE,
    ),
  );
  const sent: Count = { images: 0, samples: 0 };
  const send = async (seconds: number) => {
    await Promise.all([
      sendAtRate(IMAGES_PER_SECOND, IMAGES_PER_SECOND * seconds, () => {
        pushers[0]?.push();
        sent.images++;
      }),
      sendAtRate(SAMPLE_STREAMS * SAMPLES_PER_SECOND, SAMPLE_STREAMS * SAMPLES_PER_SECOND * seconds, (i) => {
        pushers[1 + (i % SAMPLE_STREAMS)]?.push();
        sent.samples++;
      }),
    ]);
  };
  const look = () => ({
    entries: readers.reduce((sum, reader) => sum + reader.entries(), 0),
    micros: processorMicros(gateway.pid),
  });
  try {
    await sleep(200);
    await send(START_SECONDS);
    const busy = watchBusy({ gateway: gateway.pid, redis: stage.redis.pid });
    const from = look();
    await send(SECONDS);
    const to = look();
    const shares = formatBusy(busy());
    await drained(
      () => {
        for (const one of [...readers, ...pushers]) one.check();
        return readers.every((reader) => reader.missing(sent) === 0);
      },
      () => `readers lack ${readers.map((reader) => reader.missing(sent)).join(", ")} entries`,
    );
    const perSecond = ((to.entries - from.entries) / (to.micros - from.micros)) * 1e6;
    stage.say(`${name}: ${whole(perSecond)} deliveries per s of processor time (${shares})`);
    return perSecond;
  } finally {
    for (const one of [...readers, ...pushers]) one.close();
    await stage.redis.command("UNLINK", ...streams.map((stream) => `default:${stream}`));
  }
}

async function openPull({ port }: Server, streams: readonly string[]): Promise<Reader> {
  const path = `/data/${streams.join("+")}/pull?format=msgpack`;
  const reader = await openBatchReader({ port, path });
  return {
    entries: () => reader.entries,
    missing: ({ images, samples }) => images + samples - reader.entries,
    check: reader.check,
    close: reader.close,
  };
}

async function openViewer({ port }: Server, channels: readonly number[]): Promise<Reader> {
  const viewer = await openFoxgloveViewer(port, channels);
  const images = () => viewer.messages(0);
  const samples = () => channels.slice(1).reduce((sum, _, i) => sum + viewer.messages(1 + i), 0);
  return {
    entries: () => images() + samples(),
    missing: (sent) =>
      sent.samples - samples() + Math.max(0, Math.ceil(sent.images * LEAST_IMAGES) - images()),
    check: viewer.check,
    close: viewer.close,
  };
}

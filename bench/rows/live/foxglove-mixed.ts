/**
 * A robot in 20 viewers of Foxglove: a camera with 30 images of 100 KB per second and ten JSON streams at 100 Hz, against 20
 * pull clients of the same streams with `format=msgpack`; entries delivered per second of the gateway's processor time.
 *
 * The comparison is fair because both sides have the same gateway, and the same pushers at the same rate; because each reader
 * has one connection for all streams; and because all samples must arrive. Viewers may skip images, which then do not count;
 * the load fails if one of them skips more than half, as on a machine that is busy with something else.
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
const MIN_IMAGES = 0.5;
/** Time limit for the last image, after all samples. One that was skipped never arrives. */
const LAST_IMAGE_MS = 2000;
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
  /** Returns how many entries that may not be skipped it still has to receive; below 0 if it received some twice. */
  missing(sent: Count): number;
  /** Images received so far; undefined if it may not skip any. */
  images?(): number;
  /** Describes what it has received, by stream if it knows. */
  received(): string;
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
    await allReceived([...readers, ...pushers], readers, sent).catch(async (error: Error) => {
      throw new Error(`${error.message}; the gateway counts ${await skippedBy(gateway)}`);
    });
    const perSecond = ((to.entries - from.entries) / (to.micros - from.micros)) * 1e6;
    stage.say(`${name}: ${whole(perSecond)} deliveries per s of processor time (${shares})`);
    return perSecond;
  } finally {
    for (const one of [...readers, ...pushers]) one.close();
    await stage.redis.command("UNLINK", ...streams.map((stream) => `default:${stream}`));
  }
}

/** Waits for all samples, and for the images that viewers may not skip. */
async function allReceived(
  connections: readonly { check(): void }[],
  readers: readonly Reader[],
  sent: Count,
): Promise<void> {
  const all = `${sent.images} images and ${sent.samples} samples`;
  await drained(
    () => {
      for (const one of connections) one.check();
      return readers.every((reader) => reader.missing(sent) === 0);
    },
    () => {
      const lacking = readers.filter((reader) => reader.missing(sent) !== 0);
      return `of ${all}, readers have received ${lacking.map((reader) => reader.received()).join("; ")}`;
    },
  );
  const min = Math.ceil(sent.images * MIN_IMAGES);
  await drained(
    () => readers.every((reader) => (reader.images?.() ?? min) >= min),
    () =>
      `viewers have all samples, but skipped more than half of the images, so the sides are not comparable: of ${all}, ` +
      `they have received ${readers.map((reader) => reader.received()).join("; ")}`,
    LAST_IMAGE_MS,
  );
}

/** Returns the gateway's metrics of entries that it has not delivered. */
async function skippedBy({ port }: Server): Promise<string> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return (metrics.match(SKIP_METRICS) ?? ["no skipped entries"]).join(", ");
}

const SKIP_METRICS = /^\w*(entries_conflated|gaps|slow_pauses)_total\S* \d+$/gm;

async function openPull({ port }: Server, streams: readonly string[]): Promise<Reader> {
  const path = `/data/${streams.join("+")}/pull?format=msgpack`;
  const reader = await openBatchReader({ port, path });
  return {
    entries: () => reader.entries,
    missing: ({ images, samples }) => images + samples - reader.entries,
    received: () => `${reader.entries} entries`,
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
    missing: (sent) => sent.samples - samples(),
    images,
    received() {
      const byStream = channels.slice(1).map((_, i) => viewer.messages(1 + i));
      return `${images()} images and ${samples()} samples (${byStream.join(", ")})`;
    },
    check: viewer.check,
    close: viewer.close,
  };
}

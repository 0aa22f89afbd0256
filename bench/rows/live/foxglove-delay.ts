/**
 * A viewer of Foxglove on a link of 20 MB/s, with a camera of 1 MB images that needs more than the link has, and a JSON stream at
 * 100 Hz: how much the images delay a sample, as a multiple of the time in which this link transfers one image.
 *
 *     delay   p99 of the time from push to arrival beside images, minus the median of that time without images
 *     image   interval between the arrivals of images, without samples
 *
 * The comparison is fair because all times are measured in the same process, at the same end of the link; and because all samples
 * must arrive.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openConstantPusher } from "../../load/clients/constant-pusher.ts";
import { openFoxgloveViewer } from "../../load/clients/foxglove-viewer.ts";
import { drained } from "../../load/drain.ts";
import { filler } from "../../load/entry.ts";
import { sendAtRate } from "../../load/fixed-rate.ts";
import { declareChannel, IMAGES, SAMPLE, SAMPLES } from "../../load/foxglove-channels.ts";
import { comparisonOf } from "../../load/measurement/rounds.ts";
import { createSamples, median } from "../../load/measurement/statistics.ts";
import type { Server } from "../../load/processes/process.ts";
import { openSlowLink } from "../../load/slow-link.ts";
import { atMost, type Row, ratioCell } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const LINK_BYTES_PER_SECOND = 20_000_000;
const IMAGE_BYTES = 1_000_000;
const IMAGES_PER_SECOND = 30;
const SAMPLES_PER_SECOND = 100;
const IMAGES_ALONE = 40;
const SAMPLES_ALONE = 100;
const SECONDS = 4;
const BAR = atMost(1.1, 1, "×");

/** Channels of the viewer, by subscription. */
const CAMERA = 0;
const SAMPLE_CHANNEL = 1;

interface Delays {
  /** Median interval of images without other entries, ms. */
  readonly image: number;
  /** Delay of samples by images, ms. */
  readonly sample: number;
}

export const foxgloveDelayRow: Row = {
  name: "foxglove-delay",
  what: "JSON beside a camera of 1 MB images in a viewer of Foxglove, on a link of 20 MB/s: p99 of its delay by the images, against the transfer of one",
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway();
    const link = await openSlowLink(gateway.port, LINK_BYTES_PER_SECOND);
    try {
      const rounds: Delays[] = [];
      await pass(stage, gateway, link.port, "delay-warm-up");
      for (let round = 0; round < stage.rounds; round++) {
        const delays = await pass(stage, gateway, link.port, `delay-${round}`);
        stage.say(`image ${delays.image.toFixed(1)} ms, p99 of the delay ${delays.sample.toFixed(1)} ms`);
        rounds.push(delays);
      }
      const comparison = comparisonOf(
        rounds.map(({ image }) => image),
        rounds.map(({ sample }) => sample),
      );
      return {
        reference: `image ${comparison.reference.toFixed(1)} ms`,
        ours: `${comparison.ours.toFixed(1)} ms`,
        ratio: ratioCell(comparison),
        verdict: BAR.judge(comparison.ratio),
      };
    } finally {
      link.close();
      await gateway.stop();
    }
  },
};

async function pass(stage: Stage, { port }: Server, linkPort: number, name: string): Promise<Delays> {
  const streams = [`${name}-camera`, `${name}-samples`] as const;
  const channels = [
    await declareChannel(stage.redis, streams[CAMERA], IMAGES),
    await declareChannel(stage.redis, streams[SAMPLE_CHANNEL], SAMPLES),
  ];
  const sentAt: number[] = [];
  const times = createSamples();
  const imagesAt: number[] = [];
  const viewer = await openFoxgloveViewer(linkPort, channels, {
    onMessage(subscription) {
      if (subscription === SAMPLE_CHANNEL) times.add(performance.now() - (sentAt[times.count] ?? Number.NaN));
    },
    onPing: () => imagesAt.push(performance.now()),
  });
  const target = (stream: string) => ({ port, path: `/data/${stream}/push?header=0` });
  const camera = await openConstantPusher(target(streams[CAMERA]), filler(IMAGE_BYTES));
  const sensor = await openConstantPusher(target(streams[SAMPLE_CHANNEL]), SAMPLE);
  const allArrived = () =>
    drained(
      () => {
        for (const one of [viewer, camera, sensor]) one.check();
        return times.count === sentAt.length;
      },
      () => `${times.count} of ${sentAt.length} samples arrived`,
    );
  try {
    await sleep(200);
    await sendAtRate(IMAGES_PER_SECOND, IMAGES_ALONE, camera.push);
    await sleep(200);
    const intervals = imagesAt.slice(1).map((at, i) => at - (imagesAt[i] ?? Number.NaN));
    const sendSamples = (count: number) =>
      sendAtRate(SAMPLES_PER_SECOND, count, () => {
        sentAt.push(performance.now());
        sensor.push();
      });
    await sendSamples(SAMPLES_ALONE);
    await allArrived();
    await Promise.all([
      sendAtRate(IMAGES_PER_SECOND, IMAGES_PER_SECOND * SECONDS, camera.push),
      sendSamples(SAMPLES_PER_SECOND * SECONDS),
    ]);
    await allArrived();
    const undisturbed = times.percentile(0.5, 0, SAMPLES_ALONE);
    return { image: median(intervals), sample: times.percentile(0.99, SAMPLES_ALONE) - undisturbed };
  } finally {
    for (const one of [viewer, camera, sensor]) one.close();
    await stage.redis.command("UNLINK", ...streams.map((stream) => `default:${stream}`));
  }
}

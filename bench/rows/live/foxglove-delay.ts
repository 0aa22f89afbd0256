/**
 * A viewer of Foxglove on a link of 20 MB/s, with a camera of 1 MB images that needs more than the link has, and a JSON stream at
 * 100 Hz: p99 of the time from push to arrival of a sample, as a multiple of the time that one image needs on this link alone.
 *
 * The comparison is fair because both times begin before the push, and end at the arrival in the same process; and because all
 * samples must arrive.
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
const IMAGES_ALONE = 20;
const SECONDS = 4;
const BAR = atMost(1.1, 1, "×");

/** Channels of the viewer, by subscription. */
const CAMERA = 0;
const SAMPLE_CHANNEL = 1;

interface Delays {
  /** Median time of an image without other entries, ms. */
  readonly image: number;
  /** p99 of the time of samples beside images, ms. */
  readonly sample: number;
}

export const foxgloveDelayRow: Row = {
  name: "foxglove-delay",
  what: "JSON beside a camera of 1 MB images in a viewer of Foxglove, on a link of 20 MB/s: p99 of its delay, against the time of an image",
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway();
    const link = await openSlowLink(gateway.port, LINK_BYTES_PER_SECOND);
    try {
      const rounds: Delays[] = [];
      await pass(stage, gateway, link.port, "delay-warm-up");
      for (let round = 0; round < stage.rounds; round++) {
        const delays = await pass(stage, gateway, link.port, `delay-${round}`);
        stage.say(`image ${delays.image.toFixed(1)} ms, sample p99 ${delays.sample.toFixed(1)} ms`);
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
  const delays = createSamples();
  let onArrived = (): void => undefined;
  const viewer = await openFoxgloveViewer(linkPort, channels, {
    onMessage(subscription) {
      if (subscription === SAMPLE_CHANNEL)
        delays.add(performance.now() - (sentAt[delays.count] ?? Number.NaN));
    },
    onPing: () => onArrived(),
  });
  const target = (stream: string) => ({ port, path: `/data/${stream}/push?header=0` });
  const camera = await openConstantPusher(target(streams[CAMERA]), filler(IMAGE_BYTES));
  const sensor = await openConstantPusher(target(streams[SAMPLE_CHANNEL]), SAMPLE);
  try {
    await sleep(200);
    const alone: number[] = [];
    for (let i = 0; i < IMAGES_ALONE; i++) {
      const arrived = new Promise<void>((resolve) => {
        onArrived = resolve;
      });
      const start = performance.now();
      camera.push();
      await arrived;
      alone.push(performance.now() - start);
    }
    await Promise.all([
      sendAtRate(IMAGES_PER_SECOND, IMAGES_PER_SECOND * SECONDS, camera.push),
      sendAtRate(SAMPLES_PER_SECOND, SAMPLES_PER_SECOND * SECONDS, () => {
        sentAt.push(performance.now());
        sensor.push();
      }),
    ]);
    await drained(
      () => {
        for (const one of [viewer, camera, sensor]) one.check();
        return delays.count === sentAt.length;
      },
      () => `${delays.count} of ${sentAt.length} samples arrived`,
    );
    return { image: median(alone), sample: delays.percentile(0.99) };
  } finally {
    for (const one of [viewer, camera, sensor]) one.close();
    await stage.redis.command("UNLINK", ...streams.map((stream) => `default:${stream}`));
  }
}

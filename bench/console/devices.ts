/** Load next to the measured console: a camera with the boxes of a detector, an IMU, and streams that are only listed. */
import sharp from "sharp";
import { connect, type Push } from "../../client/index.ts";

/** Streams of the rover, which the console shows. */
export const SHOWN_STREAMS = ["camera", "boxes", "imu"] as const;

/** The running devices. */
export interface Devices {
  /** Approximate size of one picture in bytes. */
  readonly pictureBytes: number;
  stop(): Promise<void>;
}

const CAMERA_FPS = 30;
const CAMERA = { width: 1280, height: 720 };
/** Pictures, sent in rotation. They are encoded before the measurement starts, so that encoding does not affect it. */
const PICTURES = 60;
const IMU_PER_SECOND = 1000;
/** Minimum interval (ms) of a timer, which then sends everything that is due. */
const TICK_MS = 5;
/** Number of listed streams that grow each second. */
const GROWING = 50;

/** Starts the devices. @param listed number of streams besides the camera and the IMU */
export async function startDevices(url: string, listed: number): Promise<Devices> {
  const streamer = connect(url);
  const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, i) => drawPicture(i)));
  const camera = streamer.push("camera", { device: "rover" });
  const boxes = streamer.push("boxes", { device: "rover" });
  const imu = streamer.push("imu", { device: "rover" });
  await streamer.setMeta("boxes", { view: "boxes", of: "camera" }, { device: "rover" });
  const growing: Push[] = [];
  for (let i = 0; i < listed; i++) {
    const push = streamer.push(`sensor-${i}`, { device: "field" });
    await push.send('{"value":0}');
    if (i < GROWING) growing.push(push);
    else await push.close();
  }

  const startedMs = performance.now();
  let pushed = { camera: 0, imu: 0 };
  const due = (perSecond: number) => Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
  const ticks = setInterval(() => {
    const now = { camera: due(CAMERA_FPS), imu: due(IMU_PER_SECOND) };
    if (now.camera > pushed.camera) {
      const picture = pictures[now.camera % PICTURES];
      if (picture !== undefined) void camera.send(picture);
      void boxes.send(JSON.stringify(detected(now.camera % PICTURES)));
    }
    for (let n = pushed.imu; n < now.imu; n++) void imu.send(JSON.stringify(movement(n)));
    pushed = now;
  }, TICK_MS);
  const seconds = setInterval(() => {
    for (const push of growing) void push.send(JSON.stringify({ value: Math.random() }));
  }, 1000);

  return {
    pictureBytes: pictures[0]?.length ?? 0,
    async stop() {
      clearInterval(ticks);
      clearInterval(seconds);
      await Promise.all([camera, boxes, imu, ...growing].map((push) => push.close()));
    },
  };
}

const movement = (n: number) => ({
  acc: { x: Math.sin(n / 250), y: Math.cos(n / 400) / 2, z: 1 + Math.sin(n / 70) / 20 },
  gyro: { x: Math.sin(n / 900), y: Math.cos(n / 1100), z: Math.sin(n / 500) / 3 },
});

/** Returns the boxes of the shapes of a picture. */
const detected = (n: number) => ({
  boxes: [
    { x: n * 15 - 20, y: 140, width: 240, height: 240, label: "ball", score: 0.9 },
    { x: 1100 - n * 12, y: 380, width: 200, height: 160, label: "box", score: 0.8 },
  ],
});

/** Creates a picture with as much detail as a camera's: noise over moving shapes. */
function drawPicture(n: number): Promise<Buffer> {
  const { width, height } = CAMERA;
  const x = 100 + n * 15;
  const shapes = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="${width}" height="300" fill="#8ec5e8"/><rect y="300" width="${width}" height="420" fill="#5c8a4a"/>
    <circle cx="${x}" cy="260" r="120" fill="#c85a3c"/><rect x="${1100 - n * 12}" y="380" width="200" height="160" fill="#444"/></svg>`;
  return sharp({
    create: {
      width,
      height,
      channels: 3,
      background: "#777",
      noise: { type: "gaussian", mean: 128, sigma: 24 },
    },
  })
    .composite([{ input: Buffer.from(shapes), blend: "overlay" }])
    .jpeg({ quality: 80 })
    .toBuffer();
}

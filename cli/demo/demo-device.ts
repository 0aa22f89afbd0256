/** Pushes the streams of the demo rover: camera, boxes of a detector, IMU, microphone, GPS, state and log. */
import { type Push, type Streamer, StreamerError } from "../../client/index.ts";
import { boxesOf, frameOf } from "./camera.ts";
import { gpsOf, imuOf, type Motion, motionAt, ROUND_S, soundOf } from "./rover.ts";

/** Samples of the microphone per second. */
const MIC_RATE = 8000;
/** Interval of the IMU. The other sensors send every n-th time. */
const TICK_MS = 20;
const EVERY = { camera: 3, mic: 5, gps: 25, state: 10, log: 100 } as const;
const STREAMS = ["camera", "detections", "imu", "mic", "gps", "state", "log"] as const;

/** Names of the streams. */
export type DemoStream = (typeof STREAMS)[number];

/** An entry of a stream. */
export type DemoEntry = readonly [stream: DemoStream, data: string | Uint8Array];

/** Options of a device. */
export interface DemoOptions {
  readonly device: string;
  /** Point of its round at which it starts. @default 0 */
  readonly fromSeconds?: number;
  /** Called with each error that is not the end of the device. */
  readonly onError: (error: unknown) => void;
}

/** Starts a device. @returns a function that stops it */
export function startDemoDevice(
  streamer: Streamer,
  { device, fromSeconds = 0, onError }: DemoOptions,
): () => Promise<void> {
  const pushes = new Map<DemoStream, Push>(STREAMS.map((name) => [name, streamer.push(name, { device })]));
  // A lost acknowledgement does not matter here: the next entry follows.
  const failed = (error: unknown) => {
    if (!(error instanceof StreamerError && error.code === "APPEND_UNKNOWN")) onError(error);
  };
  const described = describeStreams(streamer, device).catch(failed);
  const startMs = performance.now();
  let tick = 0;
  let before: Motion | undefined;
  const timer = setInterval(() => {
    const motion = motionAt(fromSeconds + (performance.now() - startMs) / 1000);
    for (const [name, data] of entriesOf(motion, tick++, before)) pushes.get(name)?.send(data).catch(failed);
    before = motion;
  }, TICK_MS);
  return async () => {
    clearInterval(timer);
    await described;
    await Promise.all([...pushes.values()].map((push) => push.close()));
  };
}

/** Returns the readings of all sensors at one time. @param tick number of the time @param before motion at the previous one */
export function entriesOf(motion: Motion, tick: number, before: Motion | undefined): readonly DemoEntry[] {
  const mode = modeOf(motion);
  const isNew = before === undefined || modeOf(before) !== mode;
  const isDue = (every: number) => tick % every === 0;
  const entries: DemoEntry[] = [["imu", JSON.stringify(imuOf(motion))]];
  if (isDue(EVERY.camera))
    entries.push(["camera", frameOf(motion)], ["detections", JSON.stringify(boxesOf(motion))]);
  if (isDue(EVERY.mic)) entries.push(["mic", soundOf(motion, MIC_RATE)]);
  if (isDue(EVERY.gps)) entries.push(["gps", JSON.stringify(gpsOf(motion))]);
  if (isNew || isDue(EVERY.state))
    entries.push(["state", JSON.stringify({ mode, light: motion.seconds % ROUND_S > ROUND_S / 2 })]);
  if (isNew || isDue(EVERY.log)) entries.push(["log", logLine(motion, mode)]);
  return entries;
}

type Mode = "drive" | "tipped" | "recover";

const modeOf = ({ isTipped, speed }: Motion): Mode => (isTipped ? "tipped" : speed > 0 ? "drive" : "recover");

function logLine({ roll, distance }: Motion, mode: Mode): string {
  const tilt = Math.round((roll * 180) / Math.PI);
  if (mode === "tipped") return JSON.stringify({ level: "error", message: "tipped over", tilt });
  if (mode === "recover") return JSON.stringify({ level: "warn", message: "not level", tilt });
  return JSON.stringify({ level: "info", message: `driven ${distance.toFixed(1)} m`, tilt });
}

/** Stores the metadata that viewers use. */
async function describeStreams(streamer: Streamer, device: string): Promise<void> {
  await streamer.setMeta("detections", { view: "boxes", of: "camera" }, { device });
  await streamer.setMeta("mic", { sampleRate: MIC_RATE, format: "s16le" }, { device });
}

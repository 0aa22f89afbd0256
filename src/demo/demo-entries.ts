/** Readings of the sensors of the demo rover, as entries of its streams: camera, boxes of a detector, IMU, microphone, GPS, state and log. */
import { boxesOf, frameOf } from "./camera.ts";
import { gpsOf, imuOf, type Motion, motionAt, ROUND_S, soundOf } from "./rover.ts";

/** Names of the streams. */
export const DEMO_STREAMS = ["camera", "detections", "imu", "mic", "gps", "state", "log"] as const;

/** Name of a stream. */
export type DemoStream = (typeof DEMO_STREAMS)[number];

/** An entry of a stream. */
export type DemoEntry = readonly [stream: DemoStream, data: string | Uint8Array];

/** Interval of the IMU, ms. */
const TICK_MS = 20;
/** The other sensors send every n-th time. */
const EVERY = { camera: 3, mic: 5, gps: 25, state: 10, log: 100 } as const;
/** Samples of the microphone per second. */
const MIC_RATE = 8000;

/** All streams keep the same time, so that a moment of the past can be seen in all of them: several rounds, about 20 MB. */
const KEPT = { maxEntries: 0, maxAge: "5m" };
const VIEWED: Readonly<Partial<Record<DemoStream, Readonly<Record<string, unknown>>>>> = {
  detections: { view: "boxes", of: "camera" },
  mic: { sampleRate: MIC_RATE, format: "s16le" },
};

/** Metadata of the streams: what they keep, and what viewers use. */
export const DEMO_METAS: readonly (readonly [stream: DemoStream, meta: Readonly<Record<string, unknown>>])[] =
  DEMO_STREAMS.map((stream) => [stream, { ...VIEWED[stream], ...KEPT }]);

/**
 * Plays the rover in real time.
 *
 * @param onEntries receives the readings of each moment @param fromSeconds point of its round at which it starts
 * @returns a function that stops it
 */
export function playRover(onEntries: (entries: readonly DemoEntry[]) => void, fromSeconds = 0): () => void {
  const startMs = performance.now();
  let tick = 0;
  let before: Motion | undefined;
  const timer = setInterval(() => {
    const motion = motionAt(fromSeconds + (performance.now() - startMs) / 1000);
    onEntries(entriesOf(motion, tick++, before));
    before = motion;
  }, TICK_MS);
  return () => clearInterval(timer);
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

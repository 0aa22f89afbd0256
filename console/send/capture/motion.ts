/** Motion: acceleration and rotation, as JSON with a member per axis. */
import type { Declaration } from "../../../client/browser.ts";
import type { CaptureOutput, OpenCapture } from "./capture.ts";

/** Selectable rates, per second. `all` sends each reading; most phones have 60 per second. */
export const MOTION_RATES = ["all", 50, 20, 10, 1] as const;

/** Choices of the user. */
export interface MotionOptions {
  readonly rate: (typeof MOTION_RATES)[number];
}

/** Three axes. */
interface Axes {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Reading of the motion sensors. */
export interface Motion {
  /** Unix time, ms. */
  readonly time: number;
  /** Acceleration with gravity, m/s². */
  readonly acc: Axes;
  /** Rotation, rad/s; absent if the device has no gyroscope. */
  readonly gyro?: Axes;
}

/** Content of the stream. */
export const MOTION_DECLARATION: Declaration = {
  contentType: "application/json",
  units: {
    time: "ms",
    ...Object.fromEntries(["x", "y", "z"].map((axis) => [`acc.${axis}`, "m/s^2"])),
    ...Object.fromEntries(["x", "y", "z"].map((axis) => [`gyro.${axis}`, "rad/s"])),
  },
};

/** The members of the browser's event that are used. Rotation is in degrees per second. */
export type MotionReading = Pick<DeviceMotionEvent, "accelerationIncludingGravity" | "rotationRate">;

/** Converts an event. @param time Unix time, ms @returns undefined for one without acceleration, as computers send */
export function motionOf(reading: MotionReading, time: number): Motion | undefined {
  const { accelerationIncludingGravity: acc, rotationRate: rotation } = reading;
  if (acc === null || acc.x === null || acc.y === null || acc.z === null) return undefined;
  const moved = { time: Math.round(time), acc: { x: short(acc.x), y: short(acc.y), z: short(acc.z) } };
  // The axes of the rotation: beta around x, gamma around y, alpha around z.
  const { beta = null, gamma = null, alpha = null } = rotation ?? {};
  if (beta === null || gamma === null || alpha === null) return moved;
  return { ...moved, gyro: { x: radians(beta), y: radians(gamma), z: radians(alpha) } };
}

const short = (value: number): number => Math.round(value * 1e4) / 1e4;
const radians = (degrees: number): number => short((degrees * Math.PI) / 180);

/** Leaves out readings, so that at most `perSecond` remain. */
export class Thinning {
  readonly #intervalMs: number;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: MotionOptions["rate"]) {
    this.#intervalMs = perSecond === "all" ? 0 : 1000 / perSecond;
  }

  /** Whether the reading of this time remains. */
  takes(ms: number): boolean {
    if (ms < this.#dueMs) return false;
    // On average the rate is kept, also if readings do not arrive exactly when one is due.
    const lateMs = ms - this.#dueMs;
    this.#dueMs = lateMs < this.#intervalMs ? this.#dueMs + this.#intervalMs : ms + this.#intervalMs;
    return true;
  }
}

/** Browsers that request a permission for motion (WebKit). */
interface AskingMotionEvent {
  requestPermission?(): Promise<"granted" | "denied">;
}

const NO_READING =
  "No reading yet. Computers have no motion sensor; on a phone, check that the browser may use it.";

/** Opens the sensors. */
export async function openMotion({ rate }: MotionOptions, output: CaptureOutput): Promise<OpenCapture> {
  const { requestPermission }: AskingMotionEvent = DeviceMotionEvent as AskingMotionEvent;
  if (requestPermission !== undefined && (await requestPermission.call(DeviceMotionEvent)) !== "granted")
    throw new DOMException("motion was refused", "NotAllowedError");
  const thinning = new Thinning(rate);
  const receive = (event: DeviceMotionEvent) => {
    const motion = motionOf(event, performance.timeOrigin + event.timeStamp);
    if (motion === undefined || !thinning.takes(event.timeStamp)) return;
    const { x, y, z } = motion.acc;
    output.reading(`x ${x.toFixed(1)}, y ${y.toFixed(1)}, z ${z.toFixed(1)} m/s²`);
    output.entry(JSON.stringify(motion));
  };
  addEventListener("devicemotion", receive);
  output.waits(NO_READING);
  return {
    declaration: MOTION_DECLARATION,
    stop: () => removeEventListener("devicemotion", receive),
  };
}

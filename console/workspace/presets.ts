/** Layouts that are offered for the streams that exist. */
import type { StreamInfo } from "../../client/browser.ts";
import { byDevice } from "../stream-list/by-device.ts";
import { declaresShapes } from "../viewers/picture/overlay-streams.ts";

/** A layout on offer. */
export interface Preset {
  readonly title: string;
  readonly keys: readonly string[];
}

type Stream = Pick<StreamInfo, "key" | "device" | "stream" | "meta">;

const MAX_PANES = 9;
const MAX_PRESETS = 4;
const CAMERA = /cam|image|video|rgb|picture/i;
const IMU = /imu|accel|gyro|acc\b/i;

/** Returns the presets: camera and IMU of a device, and everything of a device. */
export function presetsOf(streams: readonly Stream[]): readonly Preset[] {
  const devices = byDevice(streams);
  const found: Preset[] = [];
  for (const [device, own] of devices) {
    const pair = [CAMERA, IMU].map((name) => own.find(({ stream }) => name.test(stream))?.key);
    const keys = pair.filter((key) => key !== undefined);
    if (keys.length === 2) found.push({ title: `Camera and IMU${device && ` of ${device}`}`, keys });
  }
  for (const [device, all] of devices) {
    // Boxes of a detector are shown over its picture.
    const own = all.filter(({ meta }) => !declaresShapes(meta));
    if (own.length < 2) continue;
    const keys = own.slice(0, MAX_PANES).map(({ key }) => key);
    found.push({ title: device ? `Everything of ${device}` : "All streams without a device", keys });
  }
  return found.slice(0, MAX_PRESETS);
}

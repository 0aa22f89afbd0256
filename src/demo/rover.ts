/**
 * Motion of the demo rover as a function of time: it drives in a circle, and tips over once per round. All its sensors derive
 * from this motion, so that camera, IMU, GPS and log show the same moment.
 */

/** Duration of one round, s. */
export const ROUND_S = 40;
/** Part of a round in which it is tipped over, s: falls, lies, and gets up. */
const TIP = { start: 18, down: 18.6, up: 23, end: 24.5 };
const MAX_ROLL = 1.25;
const GRAVITY = 9.81;
/** Centre of the circle, and its radius in degrees. */
const CENTRE = { latitude: 52.0116, longitude: 4.3571 };
const RADIUS = 0.0006;

/** State of the rover at one time. */
export interface Motion {
  /** Seconds since the start. */
  readonly seconds: number;
  /** Rotation around the driving direction, radians. */
  readonly roll: number;
  /** m/s */
  readonly speed: number;
  /** Driven since the start of the round, m. */
  readonly distance: number;
  /** Part of the circle that it has driven, radians. */
  readonly heading: number;
  readonly isTipped: boolean;
}

/** Returns the motion. @param seconds since the start */
export function motionAt(seconds: number): Motion {
  const inRound = seconds % ROUND_S;
  const roll = rollAt(inRound) + 0.03 * Math.sin(seconds * 2.1);
  const isTipped = inRound > TIP.down && inRound < TIP.up;
  // It stands while it is tipped.
  const driven =
    inRound < TIP.start ? inRound : inRound < TIP.end ? TIP.start : inRound - (TIP.end - TIP.start);
  const speed = inRound < TIP.start || inRound > TIP.end ? 2 : 0;
  const heading = (2 * Math.PI * driven) / (ROUND_S - (TIP.end - TIP.start));
  return { roll, speed, distance: 2 * driven, heading, isTipped, seconds };
}

function rollAt(inRound: number): number {
  const { start, down, up, end } = TIP;
  if (inRound < start || inRound > end) return 0;
  if (inRound < down) return MAX_ROLL * ((inRound - start) / (down - start)) ** 2;
  if (inRound < up) return MAX_ROLL;
  return MAX_ROLL * (1 - (inRound - up) / (end - up));
}

/** Returns a reading of the IMU: acceleration in m/s², rotation in rad/s. */
export function imuOf({ roll, speed, seconds, isTipped }: Motion) {
  const shake = 0.15 * speed;
  const hit = isTipped ? 6 * Math.exp(-8 * ((seconds % ROUND_S) - TIP.down)) : 0;
  const before = rollAt((seconds + ROUND_S - 0.02) % ROUND_S);
  return {
    acc: {
      x: round(shake * Math.sin(seconds * 31)),
      y: round(GRAVITY * Math.sin(roll) + hit * Math.sin(seconds * 60)),
      z: round(GRAVITY * Math.cos(roll) + shake * Math.sin(seconds * 23)),
    },
    gyro: { x: round((rollAt(seconds % ROUND_S) - before) / 0.02), y: 0, z: round(speed / 10) },
  };
}

/** Returns a GPS fix. */
export const gpsOf = ({ heading, speed }: Motion) => ({
  latitude: CENTRE.latitude + RADIUS * Math.sin(heading),
  longitude: CENTRE.longitude + 1.6 * RADIUS * Math.cos(heading),
  speed,
});

/** Returns 0.1 s of the sound of its motor, signed 16-bit samples. @param rate samples per second */
export function soundOf({ seconds, speed }: Motion, rate: number): Uint8Array {
  const volume = speed > 0 ? 9000 : 900;
  const samples = Int16Array.from({ length: rate / 10 }, (_, i) => {
    const at = seconds + i / rate;
    return volume * Math.sin(at * 620) * (0.5 + 0.3 * Math.sin(at * 2.2) + 0.2 * Math.sin(at * 49));
  });
  return new Uint8Array(samples.buffer);
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** Streams that a new recording stores: those of the open panes, of a device, or of a pattern. */

/** Option that records the streams of the open panes. */
export const OPEN = "open";
/** Option that records the streams of a pattern. */
export const PATTERN = "pattern";
const DEVICE = "device:";

/** Returns the option that records the streams of a device. */
export const deviceOption = (device: string): string => DEVICE + device;

/** Returns the chosen option if it is still on offer, and otherwise the open panes, or a pattern if none is open. */
export function sourceOf(
  chosen: string | undefined,
  openKeys: readonly string[],
  devices: readonly string[],
): string {
  if (chosen === PATTERN) return PATTERN;
  if (chosen !== undefined && devices.some((device) => deviceOption(device) === chosen)) return chosen;
  return openKeys.length > 0 ? OPEN : PATTERN;
}

/** Streams of a recording, as the client records them. */
export interface RecordedStreams {
  readonly streams: string | readonly string[];
  readonly device: string;
}

/** Returns the streams that an option records. */
export function recordedStreams(
  source: string,
  openKeys: readonly string[],
  pattern: string,
): RecordedStreams {
  if (source === OPEN) return { streams: openKeys, device: "" };
  if (source === PATTERN) return { streams: pattern, device: "" };
  return { streams: "*", device: source.slice(DEVICE.length) };
}

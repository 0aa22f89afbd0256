/** Streams of each device. */
import type { StreamInfo } from "../../client/browser.ts";

/** Groups streams by device, in their order. Streams without a device belong to the empty name. */
export function byDevice<T extends Pick<StreamInfo, "device">>(
  streams: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const stream of streams) {
    const device = stream.device ?? "";
    const group = groups.get(device);
    if (group === undefined) groups.set(device, [stream]);
    else group.push(stream);
  }
  return groups;
}

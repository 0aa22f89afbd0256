/** Rows of the tree of devices and streams: filtered, sorted, and without the streams of folded devices. */
import { msOfId } from "../page/format.ts";
import { byDevice } from "./by-device.ts";
import type { ListedStream } from "./listing.ts";

/** Sort orders of the streams. By name they are grouped by device; others are one list. */
export const ORDERS = ["name", "rate", "bytes", "length", "age"] as const;

/** Sort order of the stream list. */
export type Order = (typeof ORDERS)[number];

/** Row of a device. */
export interface DeviceRow {
  readonly kind: "device";
  /** Device id; empty for streams without a device. */
  readonly device: string;
  readonly count: number;
  readonly isOpen: boolean;
}

/** Row of a stream. */
export interface StreamRow {
  readonly kind: "stream";
  readonly stream: ListedStream;
  /** Name to display: without the device below its row. */
  readonly name: string;
  readonly isNested: boolean;
}

/** Row of the stream list: a device, or a stream. */
export type TreeRow = DeviceRow | StreamRow;

/** Choices of the user. */
export interface TreeOptions {
  readonly search: string;
  readonly order: Order;
  readonly folded: ReadonlySet<string>;
}

const byName = (a: ListedStream, b: ListedStream): number => (a.key < b.key ? -1 : 1);

/** All but names are descending. */
const COMPARE: Readonly<Record<Order, (a: ListedStream, b: ListedStream) => number>> = {
  name: byName,
  rate: (a, b) => (b.rate ?? -1) - (a.rate ?? -1),
  bytes: (a, b) => (b.bytesRate ?? -1) - (a.bytesRate ?? -1),
  length: (a, b) => b.length - a.length,
  age: (a, b) => (msOfId(b.lastId) ?? 0) - (msOfId(a.lastId) ?? 0),
};

/** Returns the streams that have all words of a search in their key. */
export function foundStreams(streams: readonly ListedStream[], search: string): readonly ListedStream[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return streams.filter(({ key }) => words.every((word) => key.toLowerCase().includes(word)));
}

/** Returns the rows of found streams. */
export function treeRows(
  found: readonly ListedStream[],
  { search, order, folded }: TreeOptions,
): readonly TreeRow[] {
  const sorted = [...found].sort((a, b) => COMPARE[order](a, b) || byName(a, b));
  const hasDevices = found.some(({ device }) => device !== undefined);
  if (order !== "name" || !hasDevices)
    return sorted.map((stream) => ({ kind: "stream", stream, name: stream.key, isNested: false }));
  return [...byDevice(sorted)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([device, streams]): TreeRow[] => {
      // A search opens all devices.
      const isOpen = search !== "" || !folded.has(device);
      const row: DeviceRow = { kind: "device", device, count: streams.length, isOpen };
      if (!isOpen) return [row];
      return [
        row,
        ...streams.map((stream) => ({
          kind: "stream" as const,
          stream,
          name: stream.stream,
          isNested: true,
        })),
      ];
    });
}

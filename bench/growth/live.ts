/** Cost of an entry that is pushed and delivered to live readers, against readers, streams, entry size and history. */
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../load/clients/websocket.ts";
import { openPusher } from "../load/clients/websocket-pusher.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { type Device, openDevice, sensorStream } from "../load/device.ts";
import { drained } from "../load/drain.ts";
import { sendAtRate } from "../load/fixed-rate.ts";
import { costOf, type Measured, memoryOf } from "./cost.ts";
import { DECADES, type Dimension, type Point } from "./dimension.ts";
import { fillHistory, HISTORY, HISTORY_LENGTHS } from "./history.ts";

const SECONDS = 8;
const SETTLE_MS = 500;
/** Deliveries per second of all readers together. */
const DELIVERIES = 100_000;
/** Entries per second of one stream; more of them would share their cost. */
const MAX_PER_SECOND = 200;
const SENSORS = 10;
/** Batches of ten entries per second, of all streams together. */
const BATCHES = 100;

/** Readers of one stream. */
export const readersDimension: Dimension = {
  name: "readers",
  what: "an entry of 100 B to 10 … 10,000 readers of its stream",
  values: DECADES,
  measure: (measured, readers) => deliver(measured, { stream: "live", readers, entryBytes: 100 }),
};

/** Length of the entries. */
export const entrySizeDimension: Dimension = {
  name: "entry-size",
  what: "an entry of 100 B … 100 KB to 10 readers",
  values: [100, 1000, 10_000, 100_000],
  measure: (measured, entryBytes) => deliver(measured, { stream: "live", readers: 10, entryBytes }),
};

/** Entries that the stream already holds. */
export const historyDimension: Dimension = {
  name: "history-live",
  what: "an entry to 10 readers, in a stream of 100 … 100,000 entries",
  values: HISTORY_LENGTHS,
  async measure(measured, length) {
    await fillHistory(measured.redis, length);
    return deliver(measured, { stream: HISTORY, readers: 10, entryBytes: 100 });
  },
};

/** Streams with one reader each; the rate of all of them together is constant. */
export const streamsDimension: Dimension = {
  name: "streams",
  what: "an entry to one reader, beside 10 … 10,000 streams with a reader each",
  values: DECADES,
  async measure(measured, streams) {
    const { port } = measured.gateway;
    const before = await memoryOf(measured.gateway);
    const readers = await openMany(streams, (i) => {
      const query = `header=0&device_id=device-${Math.floor(i / SENSORS)}`;
      return openReader({ port, path: `/data/${sensorStream(i % SENSORS)}/pull?${query}` });
    });
    const devices: Device[] = await openMany(streams / SENSORS, (i) =>
      openDevice(port, `device-${i}`, SENSORS, 100),
    );
    try {
      await sleep(SETTLE_MS);
      const cost = await costOf(measured, async () => {
        await sendAtRate(BATCHES, BATCHES * SECONDS, (i) => devices[i % devices.length]?.push());
        const sent = BATCHES * SECONDS * SENSORS;
        const delivered = () => readers.reduce((sum, reader) => sum + reader.entries, 0);
        await drained(
          () => {
            for (const one of [...readers, ...devices]) one.check();
            return delivered() === sent;
          },
          () => `${delivered()} of ${sent} entries are delivered`,
        );
        return sent;
      });
      return { ...cost, memoryBytes: (await memoryOf(measured.gateway)) - before };
    } finally {
      for (const one of [...readers, ...devices]) one.close();
    }
  },
};

interface Delivery {
  readonly stream: string;
  readonly readers: number;
  readonly entryBytes: number;
}

/** Measures the cost of an entry that is pushed and reaches all readers. */
async function deliver(measured: Measured, { stream, readers: count, entryBytes }: Delivery): Promise<Point> {
  const { port } = measured.gateway;
  const before = await memoryOf(measured.gateway);
  const readers = await openMany(count, () => openReader({ port, path: `/data/${stream}/pull?header=0` }));
  const pusher = await openPusher({ port, path: `/data/${stream}/push?header=0` }, entryBytes);
  try {
    await sleep(SETTLE_MS);
    const perSecond = Math.min(MAX_PER_SECOND, DELIVERIES / count);
    const cost = await costOf(measured, async () => {
      await sendAtRate(perSecond, perSecond * SECONDS, () => pusher.push(1));
      await drained(
        () => {
          for (const one of [...readers, pusher]) one.check();
          return readers.every((reader) => reader.entries === pusher.pushed);
        },
        () => `not all readers have received all ${pusher.pushed} entries`,
      );
      return pusher.pushed;
    });
    return { ...cost, memoryBytes: (await memoryOf(measured.gateway)) - before };
  } finally {
    for (const one of [...readers, pusher]) one.close();
  }
}

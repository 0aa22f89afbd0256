/** Processor time per stored and per delivered entry with one and with two workers, at the same rate. */
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../load/clients/websocket.ts";
import { openPusher, type WebSocketPusher } from "../load/clients/websocket-pusher.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { drained } from "../load/drain.ts";
import { sendAtRate } from "../load/fixed-rate.ts";
import { type Cost, costOf, type Measured } from "./cost.ts";

/** Number of workers that are compared. */
export const WORKERS: readonly number[] = [1, 2];

const STREAMS = 50;
const ENTRIES_PER_SECOND = 1000;
const SECONDS = 5;
const SETTLE_MS = 500;

/** An operation, measured with each number of workers. */
export interface WorkersTask {
  readonly what: string;
  measure(measured: Measured): Promise<Cost>;
}

/** Both operations: an entry that is only stored, and one that is also delivered. */
export const WORKERS_TASKS: readonly WorkersTask[] = [
  { what: "an entry of 100 B is stored and acknowledged", measure: (measured) => load(measured, 0) },
  { what: "it is also delivered to 10 readers", measure: (measured) => load(measured, 10) },
];

/** Pushes to all streams in turn, with an acknowledgement for each entry. @param readers of each stream */
async function load(measured: Measured, readersPerStream: number): Promise<Cost> {
  const { port } = measured.gateway;
  const path = (i: number, verb: string) => `/data/workers-${i % STREAMS}/${verb}?header=0`;
  const pushers: WebSocketPusher[] = await openMany(STREAMS, (i) =>
    openPusher({ port, path: `${path(i, "push")}&ack=1` }, 100),
  );
  const readers = await openMany(STREAMS * readersPerStream, (i) =>
    openReader({ port, path: path(i, "pull") }),
  );
  try {
    await sleep(SETTLE_MS);
    const entries = ENTRIES_PER_SECOND * SECONDS;
    return await costOf(measured, async () => {
      await sendAtRate(ENTRIES_PER_SECOND, entries, (i) => pushers[i % STREAMS]?.push(1));
      await drained(
        () => {
          for (const one of [...pushers, ...readers]) one.check();
          return (
            pushers.every((pusher) => pusher.acknowledged === pusher.pushed) &&
            readers.every((reader) => reader.entries === entries / STREAMS)
          );
        },
        () => "not all entries are acknowledged and delivered",
      );
      return entries;
    });
  } finally {
    for (const one of [...pushers, ...readers]) one.close();
  }
}

/** Load before a measurement, so that the gateway's code is compiled. */

import { openMany } from "../load/clients/websocket.ts";
import { openPusher } from "../load/clients/websocket-pusher.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { drained } from "../load/drain.ts";
import { sendAtRate } from "../load/fixed-rate.ts";
import type { Server } from "../load/processes/process.ts";

const PER_SECOND = 3000;
const ENTRIES = 9000;
/** Each worker of a gateway has some of them. */
const CLIENTS = 4;
const READS = 200;

/** Pushes to and reads from some streams that are not measured. */
export async function warmUp({ port }: Server): Promise<void> {
  const path = (i: number, verb: string) => `/data/warm-up-${i}/${verb}?header=0`;
  const readers = await openMany(CLIENTS * 2, (i) => openReader({ port, path: path(i % CLIENTS, "pull") }));
  const pushers = await openMany(CLIENTS, (i) => openPusher({ port, path: path(i, "push") }, 100));
  await sendAtRate(PER_SECOND, ENTRIES, (i) => pushers[i % CLIENTS]?.push(1));
  await drained(
    () => {
      for (const one of [...readers, ...pushers]) one.check();
      return readers.every((reader) => reader.entries === ENTRIES / CLIENTS);
    },
    () => "not all entries of the warm-up are delivered",
  );
  for (const one of [...readers, ...pushers]) one.close();
  for (let i = 0; i < READS; i++) {
    const query = `last_entry_id=${i}-0&count=10&format=json`;
    await fetch(`http://127.0.0.1:${port}/data/warm-up-0?${query}`).then((response) => response.text());
  }
}

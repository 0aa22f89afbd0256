/**
 * Connections from the gateway to Redis with 2,000 pull clients on 50 streams: the maximum that `CLIENT LIST` shows while
 * all of them receive entries, further clients read history from the beginning, and 50 clients push.
 *
 * The comparison is fair because the redis-server belongs to this run, so every connection except redis-cli's is the
 * gateway's, and because connections that the gateway opens on demand are open under this load.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "../load/clients/websocket.ts";
import { openPusher } from "../load/clients/websocket-pusher.ts";
import { openReader } from "../load/clients/websocket-reader.ts";
import { drained } from "../load/drain.ts";
import { atMost, type Row } from "../row.ts";

const BAR = atMost(6, 4, "");
const CLIENTS = 2000;
const STREAMS = 50;
const ENTRIES = 20;

export const redisConnectionsRow: Row = {
  name: "redis-connections",
  what: "Redis connections with 2,000 pull clients on 50 streams",
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway();
    const path = (i: number, verb: string) => `/data/connections-${i % STREAMS}/${verb}?header=0`;
    try {
      const readers = await openMany(CLIENTS, (i) =>
        openReader({ port: gateway.port, path: path(i, "pull") }),
      );
      const pushers = await openMany(STREAMS, (i) =>
        openPusher({ port: gateway.port, path: path(i, "push") }, 100),
      );
      await sleep(200);
      let max = 0;
      const count = async () => {
        const lines = (await stage.redis.command("CLIENT", "LIST")).split("\n");
        max = Math.max(max, lines.length - 1);
      };
      await count();
      for (let entry = 0; entry < ENTRIES; entry++) {
        for (const pusher of pushers) pusher.push(1);
        const late = openMany(STREAMS, (i) =>
          openReader({ port: gateway.port, path: `${path(i, "pull")}&last_entry_id=0` }),
        );
        await count();
        readers.push(...(await late));
      }
      await drained(
        () => {
          for (const one of [...readers, ...pushers]) one.check();
          return readers.every((reader) => reader.entries === ENTRIES);
        },
        () => `not all readers have received all ${ENTRIES} entries`,
      );
      await count();
      for (const one of [...readers, ...pushers]) one.close();
      return { reference: "", ours: String(max), ratio: "", verdict: BAR.judge(max) };
    } finally {
      await gateway.stop();
    }
  },
};

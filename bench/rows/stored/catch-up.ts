/**
 * Catch-up: 200 clients read a stream of 100,000 entries of 100 B from the beginning (`last_entry_id=0`). Compares the
 * bytes that Redis sends (`total_net_output_bytes`) with the bytes that it sends for a single client.
 *
 * The comparison is fair because the single client and the 200 clients read different keys with the same content, so a cache
 * filled by one does not help the others, and because every client must receive all 100,000 entries in order.
 */

import { blockingSleep, eventLoopTurn } from "../../load/blocking-sleep.ts";
import { openMany } from "../../load/clients/websocket.ts";
import { openReader } from "../../load/clients/websocket-reader.ts";
import { compare } from "../../load/measurement/rounds.ts";
import type { Server } from "../../load/processes/process.ts";
import { record } from "../../load/record.ts";
import { atMost, type Row, ratioCell, whole } from "../../row.ts";
import type { Stage } from "../../stage.ts";

const BAR = atMost(1.5, 1.2, "×");
const CLIENTS = 200;
const ENTRIES = 100_000;
const LIMIT_MS = 120_000;

export const catchUpRow: Row = {
  name: "catch-up",
  what: "200 clients from 0 on 100,000 entries: bytes from Redis",
  ...BAR,
  async measure(stage) {
    const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: "0" });
    try {
      await record(stage, gateway, ENTRIES);
      const run = async (clients: number, stream: string) => {
        await stage.redis.command("COPY", "default:recording", `default:${stream}`);
        const start = performance.now();
        const bytes = await readAll(stage, gateway, stream, clients);
        await stage.redis.command("UNLINK", `default:${stream}`);
        stage.say(
          `${clients} from 0: ${whole(bytes)} bytes from Redis, ${whole(performance.now() - start)} ms`,
        );
        return bytes;
      };
      const { reference, ours, ratio, ratios } = await compare(
        stage.rounds,
        (round) => run(1, `one-${round}`),
        (round) => run(CLIENTS, `all-${round}`),
      );
      const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
      return {
        reference: `1 client ${megabytes(reference)}`,
        ours: megabytes(ours),
        ratio: ratioCell({ ratio, ratios }),
        verdict: BAR.judge(ratio),
      };
    } finally {
      await gateway.stop();
    }
  },
};

async function readAll(stage: Stage, gateway: Server, stream: string, clients: number): Promise<number> {
  const before = await stage.redis.info("total_net_output_bytes");
  const target = { port: gateway.port, path: `/data/${stream}/pull?header=0&last_entry_id=0` };
  const readers = await openMany(clients, () => openReader(target));
  const limit = performance.now() + LIMIT_MS;
  while (readers.some((reader) => reader.entries < ENTRIES)) {
    for (const reader of readers) reader.check();
    if (performance.now() > limit) throw new Error("timed out before all clients received the whole stream");
    await eventLoopTurn();
    blockingSleep(1);
  }
  for (const reader of readers) reader.close();
  return (await stage.redis.info("total_net_output_bytes")) - before;
}

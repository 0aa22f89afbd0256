/** Records a stream that rows then read. */
import type { Stage } from "../stage.ts";
import { openPusher } from "./clients/websocket-pusher.ts";
import { drained } from "./drain.ts";
import type { Server } from "./processes/process.ts";

/** Pushes entries of 100 B to the stream `recording`. */
export async function record(stage: Stage, gateway: Server, entries: number): Promise<void> {
  const pusher = await openPusher({ port: gateway.port, path: "/data/recording/push?header=0&ack=1" }, 100);
  pusher.push(entries);
  await drained(
    () => {
      pusher.check();
      return pusher.acknowledged === entries;
    },
    () => `${pusher.acknowledged} of ${entries} entries are acknowledged`,
  );
  pusher.close();
  const stored = Number(await stage.redis.command("XLEN", "default:recording"));
  if (stored !== entries) throw new Error(`${stored} of ${entries} entries are stored`);
}

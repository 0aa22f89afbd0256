/**
 * Several push clients, each with a fixed number of unacknowledged entries, at full speed: each acknowledgement releases
 * the next entry, and acknowledgements that arrive together release theirs in one write.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Side } from "../side.ts";
import { openMany } from "./clients/websocket.ts";
import type { WebSocketPusher } from "./clients/websocket-pusher.ts";
import { drained } from "./drain.ts";
import { type Busy, watchBusy } from "./measurement/busy.ts";

/** Options of the load. */
export interface AckedPushLoad {
  readonly side: Side;
  readonly stream: string;
  readonly clients: number;
  /** Maximum number of unacknowledged entries per client. */
  readonly inFlight: number;
  readonly entryBytes: number;
  readonly measureMs: number;
}

/** Result of the load. */
export interface AckedPushResult {
  /** Acknowledged and therefore stored entries per second. */
  readonly storedPerSecond: number;
  /** Total number of acknowledged entries, including those before and after the measured time. */
  readonly stored: number;
  readonly busy: Busy;
}

const START_MS = 500;

/** Runs the load once, waits for the last acknowledgement and closes the connections. */
export async function pushAcknowledged(load: AckedPushLoad): Promise<AckedPushResult> {
  let started = false;
  let pushing = true;
  const pushers: WebSocketPusher[] = await openMany(load.clients, async () => {
    const pusher = await load.side.openPusher(load.stream, load.entryBytes, () => {
      if (!started) return;
      const room = load.inFlight - (pusher.pushed - pusher.acknowledged);
      if (pushing && room > 0) pusher.push(room);
    });
    return pusher;
  });
  const acknowledged = () => pushers.reduce((sum, pusher) => sum + pusher.acknowledged, 0);
  const check = () => {
    for (const pusher of pushers) pusher.check();
  };
  try {
    started = true;
    for (const pusher of pushers) pusher.push(load.inFlight);
    await sleep(START_MS);
    const busy = watchBusy(load.side.pids);
    const from = { time: performance.now(), entries: acknowledged() };
    await sleep(load.measureMs);
    const to = { time: performance.now(), entries: acknowledged() };
    const shares = busy();
    pushing = false;
    const pushed = () => pushers.reduce((sum, pusher) => sum + pusher.pushed, 0);
    await drained(
      () => {
        check();
        return acknowledged() === pushed();
      },
      () => `${acknowledged()} of ${pushed()} entries are acknowledged`,
    );
    return {
      storedPerSecond: ((to.entries - from.entries) / (to.time - from.time)) * 1000,
      stored: acknowledged(),
      busy: shares,
    };
  } finally {
    for (const pusher of pushers) pusher.close();
  }
}

/**
 * Cost of authentication and rate limits: the default gateway, and the same gateway with API keys and with limits of
 * messages and bytes that are never reached, for fan-out and for acknowledged pushes.
 *
 * The comparison is fair because both are the same program on the same Redis, measured alternately; the other one is idle.
 */

import { pushAcknowledged } from "../load/acked-push.ts";
import { fanOut } from "../load/fan-out.ts";
import { formatBusy } from "../load/measurement/busy.ts";
import { compare } from "../load/measurement/rounds.ts";
import { makeBenchKeys } from "../load/processes/keys.ts";
import { atLeast, type Row, ratioCell, whole } from "../row.ts";
import { gatewaySide, type Side } from "../side.ts";
import type { Stage } from "../stage.ts";

const BAR = atLeast(0.95, 1);

/** Rate limits that are active and never reached, so that all counting is done. */
const LIMITS = { MAX_MESSAGES_PER_SECOND: "1000000000", MAX_BYTES_PER_SECOND: "1024g" };

const MAX_LENGTH = { REDIS_STREAM_MAXLEN: "20000" };

type Measure = (side: Side, round: number | "warm-up") => Promise<number>;

/** Measures a gateway without and one with keys and rate limits. */
async function guarded(stage: Stage, measure: Measure) {
  using keys = makeBenchKeys(1);
  const plain = await stage.startGateway(MAX_LENGTH);
  const asking = await stage.startGateway({ ...MAX_LENGTH, ...LIMITS, AUTH: "1", AUTH_KEYS_FILE: keys.path });
  try {
    const without = gatewaySide(plain, stage.redis, { name: "plain" });
    const token = keys.secrets[0] ?? "";
    const guardedSide = gatewaySide(asking, stage.redis, { name: "guarded", token });
    await measure(without, "warm-up");
    await measure(guardedSide, "warm-up");
    const comparison = await compare(
      stage.rounds,
      (round) => measure(without, round),
      (round) => measure(guardedSide, round),
    );
    return {
      reference: `without ${whole(comparison.reference)}`,
      ours: whole(comparison.ours),
      ratio: ratioCell(comparison),
      verdict: BAR.judge(comparison.ratio),
    };
  } finally {
    await Promise.all([plain.stop(), asking.stop()]);
  }
}

export const guardedFanOutRow: Row = {
  name: "guarded-fan-out",
  what: "fan-out with keys and limits on, 100 clients, 100 B: delivered/s",
  ...BAR,
  measure: (stage) =>
    guarded(stage, async (side, round) => {
      const stream = `${side.name}-${round}`;
      const { deliveriesPerSecond, busy } = await fanOut({
        side,
        stream,
        readers: 100,
        entryBytes: 100,
        window: 4096,
        sleepMs: 4,
        measureMs: 1500,
      });
      stage.say(`${stream}: ${Math.round(deliveriesPerSecond)} deliveries/s (${formatBusy(busy)})`);
      return deliveriesPerSecond;
    }),
};

export const guardedPushRow: Row = {
  name: "guarded-push",
  what: "4 clients push 100 B with ack, keys and limits on: stored/s",
  ...BAR,
  measure: (stage) =>
    guarded(stage, async (side, round) => {
      const stream = `${side.name}-${round}`;
      const { storedPerSecond, busy } = await pushAcknowledged({
        side,
        stream,
        clients: 4,
        inFlight: 200,
        entryBytes: 100,
        measureMs: 1500,
      });
      stage.say(`${stream}: ${Math.round(storedPerSecond)} stored/s (${formatBusy(busy)})`);
      return storedPerSecond;
    }),
};

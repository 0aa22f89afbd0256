/** Runs the same fan-out through a reference and through the gateway, alternately. */
import { gatewaySide, natsSide, relaySide, type Side } from "../side.ts";
import type { Stage } from "../stage.ts";
import { type FanOutLoad, fanOut } from "./fan-out.ts";
import { formatBusy } from "./measurement/busy.ts";
import { type Comparison, compare } from "./measurement/rounds.ts";

/** Options of both sides. */
export interface FanOutTask extends Omit<FanOutLoad, "side" | "stream"> {
  readonly against: "relay" | "NATS";
  /** The gateway's query for pull; the references send the payload only. */
  readonly pullQuery?: string;
  /** The gateway's REDIS_STREAM_MAXLEN, required if the window exceeds the default of 1000. */
  readonly maxLength?: number;
}

/** @returns entries delivered per second by each side, after a run of each that is not counted */
export async function compareFanOut(stage: Stage, task: FanOutTask): Promise<Comparison> {
  const { against, pullQuery, maxLength = 1000, ...load } = task;
  const server = await (against === "relay" ? stage.startRelay() : stage.startNats());
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: String(maxLength) });
  const reference = against === "relay" ? relaySide(server) : natsSide(server);
  const ours = gatewaySide(gateway, stage.redis, pullQuery === undefined ? {} : { pullQuery });
  const run = async (side: Side, round: number | "warm-up") => {
    const { deliveriesPerSecond, busy } = await fanOut({ ...load, side, stream: `fan-out-${round}` });
    stage.say(
      `${side.name}, ${round}: ${Math.round(deliveriesPerSecond)} deliveries/s (${formatBusy(busy)})`,
    );
    return deliveriesPerSecond;
  };
  try {
    await run(reference, "warm-up");
    await run(ours, "warm-up");
    return await compare(
      stage.rounds,
      (round) => run(reference, round),
      (round) => run(ours, round),
    );
  } finally {
    await Promise.all([server.stop(), gateway.stop()]);
  }
}

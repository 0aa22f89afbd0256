/** Runs the same fan-out through the naive relay and through the gateway, alternately. */
import type { Stage } from "../stage.ts";
import { formatBusy } from "./busy.ts";
import { type FanOutLoad, fanOut } from "./fan-out.ts";
import { type Comparison, compare } from "./rounds.ts";

/** Options of both sides. */
export interface FanOutTask
  extends Pick<FanOutLoad, "readers" | "entryBytes" | "window" | "napMs" | "measureMs"> {
  /** The gateway's query for pull; the relay only supports `header=0`. */
  readonly pullQuery: string;
  /** The gateway's REDIS_STREAM_MAXLEN, required if the window exceeds the default of 1000. */
  readonly maxLength?: number;
}

/** @returns entries delivered per second by each side */
export async function fanOutAgainstRelay(stage: Stage, task: FanOutTask): Promise<Comparison> {
  const relay = await stage.startRelay();
  const gateway = await stage.startGateway({ REDIS_STREAM_MAXLEN: String(task.maxLength ?? 1000) });
  const run = async (name: string, port: number, stream: string, pullQuery: string) => {
    const { deliveriesPerSecond, busy } = await fanOut({
      ...task,
      push: { port, path: `/data/${stream}/push?header=0` },
      pull: { port, path: `/data/${stream}/pull?${pullQuery}` },
      pids: name === "relay" ? { relay: relay.pid } : { gateway: gateway.pid, redis: stage.redis.pid },
    });
    stage.say(`${name}: ${Math.round(deliveriesPerSecond)} deliveries/s (${formatBusy(busy)})`);
    return deliveriesPerSecond;
  };
  try {
    return await compare(
      stage.rounds,
      (round) => run("relay", relay.port, `fan-out-${round}`, "header=0"),
      (round) => run("gateway", gateway.port, `fan-out-${round}`, task.pullQuery),
    );
  } finally {
    await Promise.all([relay.stop(), gateway.stop()]);
  }
}

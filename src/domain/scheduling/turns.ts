/** Turns of the event loop, which a gateway creates once and shares among its clients. */
import { AcceptPressure } from "./accept-pressure.ts";
import { ClientActivity } from "./client-activity.ts";
import { FairTurns } from "./fair-turns.ts";
import { InFlightGate } from "./in-flight-gate.ts";
import { WorkSlices } from "./work-slice.ts";

/**
 * Schedulers of the tasks of a turn: accepting connections, starting requests and continuing long work; and the activity of clients,
 * to which background work yields.
 */
export interface Turns {
  readonly pressure: AcceptPressure;
  readonly requests: FairTurns;
  readonly slices: WorkSlices;
  readonly activity: ClientActivity;
  /** Requests whose streams are being opened, by their number of streams. */
  readonly openings: InFlightGate;
}

/**
 * Streams whose cursors are resolved at the same time: until then, a subscription reserves no memory, and hundreds of them
 * with a thousand streams each would fill the process.
 */
const OPENING_STREAMS = { small: 16, max: 2048 };

/** Creates the turns. */
export function createTurns(): Turns {
  const pressure = new AcceptPressure();
  return {
    pressure,
    requests: new FairTurns(pressure),
    slices: new WorkSlices(pressure),
    activity: new ClientActivity(),
    openings: new InFlightGate(OPENING_STREAMS),
  };
}

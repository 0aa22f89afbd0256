/** Turns of the event loop, which a gateway creates once and shares among its clients. */
import { AcceptPressure } from "./accept-pressure.ts";
import { FairTurns } from "./fair-turns.ts";
import { WorkSlices } from "./work-slice.ts";

/** Schedulers of the tasks of a turn: accepting connections, starting requests and continuing long work. */
export interface Turns {
  readonly pressure: AcceptPressure;
  readonly requests: FairTurns;
  readonly slices: WorkSlices;
}

/** Creates the turns. */
export function createTurns(): Turns {
  const pressure = new AcceptPressure();
  return { pressure, requests: new FairTurns(pressure), slices: new WorkSlices(pressure) };
}

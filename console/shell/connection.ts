/** State of the connection to the gateway and to Redis, for the top bar. */
import type { Problem } from "../stream-list/listing.ts";
import type { Look } from "../workspace/pane-status.ts";

/** State as it is shown. */
export interface ConnectionState {
  readonly look: Look;
  readonly text: string;
}

const TEXTS: Readonly<Record<Problem["what"], string>> = {
  login: "login required",
  gateway: "gateway unreachable, reconnecting",
  redis: "Redis unavailable",
  late: "no response",
  other: "cannot read the list",
};

/** Returns the state. @param isLoaded whether the list was read once */
export function connectionState(problem: Problem | undefined, isLoaded: boolean): ConnectionState {
  if (problem === undefined)
    return isLoaded ? { look: "good", text: "connected" } : { look: "calm", text: "connecting" };
  const text = TEXTS[problem.what];
  return { look: "bad", text: problem.since === undefined ? text : `${text} since ${problem.since}` };
}

/** State of a card as a text and a colour. Only stored entries look like sending. */
import type { Status } from "../../../client/browser.ts";
import type { SenderState } from "../sending/sender.ts";

/** Text of a state, and its look. */
export interface CardLook {
  readonly look: "good" | "calm" | "warn" | "bad";
  readonly text: string;
}

/** Returns the look of a source. @param isUnavailable whether the browser or the key does not permit it */
export function lookOf(state: SenderState, status: Status | undefined, isUnavailable: boolean): CardLook {
  switch (state.kind) {
    case "off":
      return { look: "calm", text: isUnavailable ? "not available" : "off" };
    case "asking":
      return { look: "warn", text: "requests permission" };
    case "waiting":
      return { look: "warn", text: "no reading yet" };
    case "sending":
      if (status?.state === "open") return { look: "good", text: "sending" };
      return status === undefined || status.state === "connecting"
        ? { look: "calm", text: "connecting" }
        : { look: "bad", text: "not stored now" };
    case "finishing":
      return { look: "warn", text: "sends the rest" };
    case "refused":
      return { look: "bad", text: "refused" };
    default:
      return state satisfies never;
  }
}

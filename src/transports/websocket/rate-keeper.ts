/**
 * Counts what a client sends over a socket, and stops reading it for a while when that was too much. Counted is what came
 * in a turn of the event loop together: a look at the clock for each message would cost more than to take it in.
 */
import type { Account } from "../../access/limits.ts";
import type { TurnEnd } from "../byte-sink.ts";
import type { HoldableSocket } from "./holdable-socket.ts";

/** @returns what is to be told of each message */
export function createRateKeeper(
  webSocket: HoldableSocket,
  account: Account,
  turnEnd: TurnEnd,
): (messageBytes: number) => void {
  let messages = 0;
  let bytes = 0;

  function settle(): void {
    const waitMs = account.take(messages, bytes);
    messages = 0;
    bytes = 0;
    if (waitMs > 0) webSocket.hold(waitMs);
  }

  return (messageBytes) => {
    if (messages === 0) turnEnd.add(settle);
    messages++;
    bytes += messageBytes;
  };
}

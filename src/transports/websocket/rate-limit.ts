/**
 * Counts what a client sends over a socket, and stops reading it for a while when that was too much. Counted is what came
 * in a turn of the event loop together: a look at the clock for each message would cost more than to take it in.
 */
import type { Account } from "../../access/limits/limits.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { HoldableSocket } from "./holdable-socket.ts";

/** @returns what is to be told of each message */
export function createRateKeeper(
  webSocket: HoldableSocket,
  account: Account,
  turnEnd: TurnEnd,
): (messageBytes: number) => void {
  let messages = 0;
  let bytes = 0;
  let lastMessages = 0;
  let lastBytes = 0;
  /** Taken ahead for what is expected. */
  let bookedMessages = 0;
  let bookedBytes = 0;

  function settle(): void {
    const waitMs = account.take(messages - bookedMessages, bytes - bookedBytes);
    lastMessages = messages;
    lastBytes = bytes;
    messages = bytes = bookedMessages = bookedBytes = 0;
    if (waitMs > 0) webSocket.hold(waitMs, goOn);
  }

  /**
   * Whether to read on. As much as came last is booked for it, so that of many sockets of one account that were held
   * together one goes on and the others wait, instead of all of them bringing a chunk at once.
   */
  function goOn(): number {
    const waitMs = account.take(0, 0);
    if (waitMs > 0) return waitMs;
    account.take(lastMessages, lastBytes);
    bookedMessages = lastMessages;
    bookedBytes = lastBytes;
    return 0;
  }

  return (messageBytes) => {
    if (messages === 0) turnEnd.add(settle);
    messages++;
    bytes += messageBytes;
  };
}

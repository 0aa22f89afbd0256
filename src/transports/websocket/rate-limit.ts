/**
 * Rate limit of a socket: counts received messages and bytes, and pauses reading while the client is over its limit.
 * Messages are counted per event-loop turn, because reading the clock costs more than receiving a message.
 */
import type { Account } from "../../access/limits/accounts.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { HoldableSocket } from "./holdable-socket.ts";

/** Creates the rate limit of a socket. @returns a function to call for each message */
export function createSocketRateLimit(
  webSocket: HoldableSocket,
  account: Account,
  turnEnd: TurnEnd,
): (messageBytes: number) => void {
  let messages = 0;
  let bytes = 0;
  let lastMessages = 0;
  let lastBytes = 0;
  /** Amounts taken in advance for the expected messages. */
  let bookedMessages = 0;
  let bookedBytes = 0;

  function settle(): void {
    const waitMs = account.take(messages - bookedMessages, bytes - bookedBytes);
    lastMessages = messages;
    lastBytes = bytes;
    messages = bytes = bookedMessages = bookedBytes = 0;
    if (waitMs > 0) webSocket.hold(waitMs, extraWaitMs);
  }

  /**
   * Returns the additional time to wait, 0 to resume reading. The amounts of the previous turn are taken in advance, so
   * that of many held sockets of one account only one resumes, instead of all of them at once.
   */
  function extraWaitMs(): number {
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

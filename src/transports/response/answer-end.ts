/**
 * The end of a response, for whatever it holds. Node emits "close" once, and not at all for a response that is made after
 * its connection has closed, as one can be that waits behind others: a listener alone would wait for ever.
 */
import type { ServerResponse } from "node:http";

/** Calls back once: when the response was sent or its connection has closed, at once if that is so already. */
export function whenAnswerEnds(answer: ServerResponse, callback: () => void): void {
  if (answer.closed || answer.destroyed || answer.req.socket.destroyed) callback();
  else answer.once("close", callback);
}

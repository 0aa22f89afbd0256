/**
 * Final end of a response, for code that holds resources until then. Node emits "close" once, and never for a response that is
 * created after its connection closed, for example a pipelined one. A listener alone would then wait forever.
 */
import type { ServerResponse } from "node:http";

/** Calls back once, when the response was sent or its connection closed; at once if that already happened. */
export function whenAnswerEnds(answer: ServerResponse, callback: () => void): void {
  if (answer.closed || answer.destroyed || answer.req.socket.destroyed) callback();
  else answer.once("close", callback);
}

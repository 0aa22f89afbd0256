/**
 * Closes answers that wait for their turn on a connection which ends. A client may send requests without waiting for
 * answers (RFC 9112, section 9.3.2). Node gives only the first unfinished answer the socket and closes only that one with
 * it; the others would hold their files, memory and sessions for ever, since these are released when an answer closes.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Wraps the listener of a server. */
export function closingQueuedAnswers(handler: RequestListener): RequestListener {
  const queued = new WeakMap<Socket, Set<ServerResponse>>();

  function queueOf(socket: Socket): Set<ServerResponse> {
    const known = queued.get(socket);
    if (known !== undefined) return known;
    const answers = new Set<ServerResponse>();
    queued.set(socket, answers);
    socket.once("close", () => {
      for (const answer of answers) {
        answer.destroy();
        answer.emit("close");
      }
    });
    return answers;
  }

  return (request: IncomingMessage, answer) => {
    // Without a socket it waits behind another one.
    if (answer.socket === null) {
      const answers = queueOf(request.socket);
      const leave = () => answers.delete(answer);
      answers.add(answer);
      answer.once("socket", leave).once("close", leave);
    }
    handler(request, answer);
  };
}

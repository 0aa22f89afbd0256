/** Memory of HTTP responses: reserved before entries are read, and counted until the client has read the response. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ClientMemory } from "../../../access/limits/client-memory.ts";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import { whenAnswerEnds } from "../response-end.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Memory of the response; undefined while it has none. */
    memory: MemoryLease | undefined;
  }
}

/** Responses below this size (bytes) are not counted, because a connection has only one at a time. */
const COUNTED_FROM_BYTES = 8 * 1024;

/** Counts the size of every response from the time it is sent. */
export function addAnswersMemory(app: FastifyInstance, memory: ClientMemory): void {
  app.decorateReply("memory");
  app.addHook("onSend", (_request, reply, payload, done) => {
    const bytes =
      typeof payload === "string" || payload instanceof Uint8Array ? Buffer.byteLength(payload) : 0;
    if (reply.memory !== undefined || bytes >= COUNTED_FROM_BYTES) memoryOf(reply, memory).set(bytes);
    done();
  });
}

/** Marks the memory of a pipelined request as queued until the responses before it have been sent. */
export function queueMemory(response: ServerResponse, lease: MemoryLease): void {
  // Only such a response has no socket yet.
  if (response.socket !== null || response.closed) return;
  lease.setQueued(true);
  response.once("socket", () => lease.setQueued(false));
}

/** Returns the memory lease of a response. It is released when the response was sent or its connection closed. */
export function memoryOf(reply: FastifyReply, memory: ClientMemory): MemoryLease {
  if (reply.memory !== undefined) return reply.memory;
  const lease = memory.answer("answer", reply.request.visitor);
  queueMemory(reply.raw, lease);
  keepMemory(reply, lease);
  return lease;
}

/**
 * Makes the lease of an operation the one of its response, until the client has read it. With a second lease, the response
 * would no longer count as the one item that exceeds the limits, and the next operation could exceed them as well.
 */
export function keepMemory(reply: FastifyReply, lease: MemoryLease): void {
  reply.memory = lease;
  whenAnswerEnds(reply.raw, () => lease.release());
}

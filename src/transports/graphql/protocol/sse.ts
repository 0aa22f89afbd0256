/**
 * GraphQL over server-sent events with one connection per operation ("distinct connections mode"). Sends an event `next`
 * for each result, then `complete`. While the client does not read, no further results are produced.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ExecutionResult, GraphQLError } from "graphql";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import { type Executor, formatted, isMany, type Outcome, perform } from "../execution/executor.ts";
import { encodeResult } from "../execution/result-text.ts";
import { prepareRequest, readSseRequest } from "./sse-request.ts";
import { openEvents } from "./sse-response.ts";

/** Whether a request prefers events: `Accept` lists them before JSON. Some clients list all types they support. */
export const wantsSse = ({ headers }: FastifyRequest): boolean =>
  /application\/(graphql-response\+)?json|text\/event-stream/i
    .exec(headers.accept ?? "")?.[0]
    .toLowerCase() === "text/event-stream";

/** Answers one operation with events. Errors are sent as a result with `errors`, as the protocol requires. */
export async function answerBySse(
  request: FastifyRequest,
  reply: FastifyReply,
  { prepare, run, formatError, parts }: Executor,
): Promise<FastifyReply> {
  const workSlices = parts.access.turns.slices;
  const operation = startOperation(workSlices, async (result) =>
    events.send("next", await encodeResult(formatted(result, formatError, request.visitor), workSlices)),
  );
  const events = openEvents(reply, parts, operation.stop);
  const prepared = prepareRequest(request, readSseRequest(request), prepare, events.session);
  await operation.follow(perform(prepared, run), "lease" in prepared ? prepared.lease : undefined);
  events.end("complete");
  return reply;
}

/** Running operation whose results are sent one by one. */
export interface SseOperation {
  /** Sends results until the operation ends or is stopped. @param lease memory of the operation, released then */
  follow(outcome: Promise<Outcome>, lease: MemoryLease | undefined): Promise<void>;
  stop(): void;
}

/** Creates an operation. @param send resolves when the client can receive the next result */
export function startOperation(
  workSlices: WorkSlices,
  send: (result: ExecutionResult) => Promise<void>,
): SseOperation {
  let results: AsyncGenerator<ExecutionResult, void, void> | undefined;
  let isStopped = false;
  let memory: MemoryLease | undefined;
  return {
    async follow(pending, lease) {
      memory = lease;
      if (isStopped) lease?.release();
      try {
        const outcome = await pending;
        if (!isMany(outcome)) {
          if (!isStopped) await send(outcome);
          return;
        }
        results = outcome;
        if (isStopped) await results.return();
        const slices = workSlices.begin();
        for await (const result of results) {
          if (slices.isOver()) await slices.next();
          if (isStopped) break;
          await send(result);
        }
      } catch (error) {
        await send({
          errors: [new GraphQLError("the operation failed", { originalError: error as Error })],
        });
      } finally {
        lease?.release();
      }
    },
    stop() {
      isStopped = true;
      memory?.release();
      results?.return();
    },
  };
}

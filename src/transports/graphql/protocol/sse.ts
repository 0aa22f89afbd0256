/**
 * GraphQL over server-sent events, each operation on a connection of its own ("distinct connections mode"): `next`
 * with a result each, then `complete`. A client that does not read is not written to, so nothing is read for it.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ExecutionResult, GraphQLError } from "graphql";
import { unmarkNumbers } from "../execution/exact-numbers.ts";
import { type Executor, formatted, isMany, type Outcome, perform } from "../execution/executor.ts";
import { prepareRequest, readSseRequest } from "./sse-request.ts";
import { openEvents } from "./sse-response.ts";

/** Whether a request asks for events: before any other form, since some clients name all that they know. */
export const wantsSse = ({ headers }: FastifyRequest): boolean =>
  /application\/(graphql-response\+)?json|text\/event-stream/i
    .exec(headers.accept ?? "")?.[0]
    .toLowerCase() === "text/event-stream";

/** Answers one operation as events. Whatever is wrong with it is told as a result with errors, as the protocol has it. */
export async function answerBySse(
  request: FastifyRequest,
  reply: FastifyReply,
  { prepare, run, formatError, parts }: Executor,
): Promise<FastifyReply> {
  const operation = startOperation((result) =>
    events.send("next", unmarkNumbers(JSON.stringify(formatted(result, formatError, request.visitor)))),
  );
  const events = openEvents(reply, parts, operation.stop);
  const prepared = prepareRequest(request, readSseRequest(request), prepare, events.session);
  await operation.follow(perform(prepared, run));
  if ("lease" in prepared) prepared.lease.release();
  events.end("complete");
  return reply;
}

/** An operation whose results go out one after the other. */
export interface SseOperation {
  /** Sends what comes, until it ends or is stopped. */
  follow(outcome: Promise<Outcome>): Promise<void>;
  stop(): void;
}

/** Makes an operation. @param send resolves when the client can take the next result */
export function startOperation(send: (result: ExecutionResult) => Promise<void>): SseOperation {
  let results: AsyncGenerator<ExecutionResult, void, void> | undefined;
  let isStopped = false;
  return {
    async follow(coming) {
      try {
        const outcome = await coming;
        if (!isMany(outcome)) {
          if (!isStopped) await send(outcome);
          return;
        }
        results = outcome;
        if (isStopped) await results.return();
        for await (const result of results) await send(result);
      } catch (error) {
        await send({
          errors: [new GraphQLError("the operation failed", { originalError: error as Error })],
        });
      }
    },
    stop() {
      isStopped = true;
      results?.return();
    },
  };
}

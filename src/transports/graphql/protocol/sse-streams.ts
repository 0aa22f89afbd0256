/**
 * GraphQL over server-sent events with all operations of a client on one connection ("single connection mode"), for browsers
 * with few connections per host. PUT reserves a stream and returns its token. GET opens it. POST starts an operation; its
 * results are sent on the stream with the operation id. DELETE stops an operation.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { GatewayError } from "../../../domain/errors.ts";
import type { Executor } from "../execution/executor.ts";
import { alreadyOpen, OwnStreams, unknownToken } from "./sse-own-streams.ts";
import type { ClaimCall, StreamsByToken } from "./sse-peer-streams.ts";
import { readSseRequest } from "./sse-request.ts";

/** Requests of single connection mode. All methods throw `GatewayError`. */
export interface SseStreams {
  /** Returns the stream token of a request; undefined if it has none. */
  tokenOf(request: FastifyRequest): string | undefined;
  /** Reserves a stream that only the same identity can open and use. @returns its token */
  reserve(request: FastifyRequest): string;
  open(token: string, reply: FastifyReply): Promise<FastifyReply>;
  /** Starts an operation. @returns errors if it could not be started */
  start(token: string, request: FastifyRequest): Promise<readonly GraphQLFormattedError[] | undefined>;
  stop(token: string, request: FastifyRequest): Promise<void>;
  /** Streams of this process, for calls from other workers. */
  readonly own: StreamsByToken;
}

const TOKEN_HEADER = "x-graphql-event-stream-token";

/** Creates the event streams of this process. @param others streams of the other workers */
export function createSseStreams(executor: Executor, others?: StreamsByToken): SseStreams {
  const own = new OwnStreams(executor);

  /** Takes over a stream that another worker has reserved. */
  async function takeOver(call: ClaimCall): Promise<void> {
    if (own.stateOf(call) !== "none" || others === undefined) return;
    const found = await others.claim(call);
    if (found === "open") throw alreadyOpen();
    if (found === "reserved") own.keep(call);
  }

  return {
    own,

    tokenOf({ headers, raw }) {
      const named = headers[TOKEN_HEADER];
      if (typeof named === "string" && named !== "") return named;
      return new URL(raw.url ?? "/", "http://gateway").searchParams.get("token") || undefined;
    },

    reserve: ({ visitor }) => own.reserve(visitor.identity.name),

    async open(token, reply) {
      const call = { token, owner: reply.request.visitor.identity.name };
      await takeOver(call);
      own.open(call, reply);
      return reply;
    },

    async start(token, request) {
      const operationRequest = readSseRequest(request);
      if (operationRequest instanceof GraphQLError)
        return [executor.formatError(operationRequest, request.visitor).toJSON()];
      const call = { token, operationRequest, visitor: request.visitor };
      const here = await own.start(call);
      const answer = here.how === "none" && others !== undefined ? await others.start(call) : here;
      switch (answer.how) {
        case "started":
          return undefined;
        case "errors":
          return answer.errors;
        case "rejected":
          throw new GatewayError(answer.code, answer.message);
        case "none":
          throw unknownToken();
      }
    },

    async stop(token, { raw, visitor }) {
      const operationId = new URL(raw.url ?? "/", "http://gateway").searchParams.get("operationId") ?? "";
      const call = { token, owner: visitor.identity.name, operationId };
      if (!(await own.stop(call)) && !(await others?.stop(call))) throw unknownToken();
    },
  };
}

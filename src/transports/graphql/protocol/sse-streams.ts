/**
 * GraphQL over server-sent events with all operations of a client on one connection ("single connection mode"), for browsers
 * with few connections per host. PUT reserves a stream and returns its token. GET opens it. POST starts an operation; its
 * results are sent on the stream with the operation id. DELETE stops an operation.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */
import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import { unmarkNumbers } from "../execution/exact-numbers.ts";
import { type Executor, formatted, perform } from "../execution/executor.ts";
import type { ClaimCall, StartAnswer, StreamsByToken } from "./peer-streams.ts";
import { type SseOperation, startOperation } from "./sse.ts";
import { readSseRequest, type SseRequest } from "./sse-request.ts";
import { type EventResponse, openEvents } from "./sse-response.ts";

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

interface SseStream {
  /** Name of the identity that reserved the stream. */
  readonly owner: string;
  events: EventResponse | undefined;
  readonly operations: Map<string, SseOperation>;
  /** Timer that removes a reservation that is not opened in time. */
  readonly expiry: NodeJS.Timeout;
}

const TOKEN_HEADER = "x-graphql-event-stream-token";
/** Maximum number of streams that are reserved and not opened yet. */
const MOST_RESERVED = 1000;
const RESERVED_MS = 30_000;

/** Creates the event streams of this process. @param others streams of the other workers */
export function createSseStreams(
  { prepare, run, formatError, parts }: Executor,
  others?: StreamsByToken,
): SseStreams {
  const streams = new Map<string, SseStream>();
  let reserved = 0;

  function forget(token: string): void {
    const stream = streams.get(token);
    if (stream === undefined || !streams.delete(token)) return;
    clearTimeout(stream.expiry);
    if (stream.events === undefined) reserved--;
    for (const operation of stream.operations.values()) operation.stop();
    stream.events?.end();
  }

  function keep({ token, owner }: ClaimCall): SseStream {
    const expiry = setTimeout(() => forget(token), RESERVED_MS).unref();
    const stream: SseStream = { owner, events: undefined, operations: new Map(), expiry };
    streams.set(token, stream);
    reserved++;
    return stream;
  }

  function streamOf({ token, owner }: ClaimCall): SseStream | undefined {
    const stream = streams.get(token);
    return stream?.owner === owner ? stream : undefined;
  }

  /** Returns the stream that a GET opens. Takes over a stream that another worker has reserved. */
  async function streamToOpen(call: ClaimCall): Promise<SseStream> {
    const stream = streamOf(call);
    const found = stream === undefined ? await others?.claim(call) : undefined;
    if (found === "reserved") return keep(call);
    if (stream?.events !== undefined || found === "open")
      throw new GatewayError("BAD_PARAMETER", "token belongs to a stream that is already open");
    if (stream === undefined) throw unknownToken();
    return stream;
  }

  function startHere(stream: SseStream, operationRequest: SseRequest, visitor: Visitor): StartAnswer {
    const prepared = prepare(operationRequest, visitor, stream.events?.session);
    if ("errors" in prepared)
      return { how: "errors", errors: prepared.errors.map((one) => formatError(one, visitor).toJSON()) };
    const id = operationIdOf(operationRequest);
    const { operations } = stream;
    if (operations.has(id))
      throw new GatewayError("BAD_PARAMETER", "operationId is already in use by a running operation");
    if (operations.size >= parts.config.graphqlMaxOperations)
      throw new GatewayError(
        "TOO_MANY_REQUESTS",
        `a stream must have at most ${parts.config.graphqlMaxOperations} running operations`,
      );
    const operation = startOperation((result) =>
      sendTo(stream, "next", { id, payload: formatted(result, formatError, visitor) }),
    );
    operations.set(id, operation);
    operation.follow(perform(prepared, run)).finally(() => {
      prepared.lease.release();
      if (operations.delete(id)) void sendTo(stream, "complete", { id });
    });
    return { how: "started" };
  }

  const own: StreamsByToken = {
    async claim(call) {
      const stream = streamOf(call);
      if (stream === undefined) return "none";
      if (stream.events !== undefined) return "open";
      forget(call.token);
      return "reserved";
    },
    async start({ token, operationRequest, visitor }) {
      const stream = streamOf({ token, owner: visitor.identity.name });
      try {
        return stream === undefined ? { how: "none" } : startHere(stream, operationRequest, visitor);
      } catch (error) {
        const { code, message } = asGatewayError(error);
        return { how: "refused", code, message };
      }
    },
    async stop({ operationId, ...call }) {
      const operations = streamOf(call)?.operations;
      const operation = operations?.get(operationId);
      operations?.delete(operationId);
      operation?.stop();
      return operations !== undefined;
    },
  };

  return {
    own,

    tokenOf({ headers, raw }) {
      const named = headers[TOKEN_HEADER];
      if (typeof named === "string" && named !== "") return named;
      return new URL(raw.url ?? "/", "http://gateway").searchParams.get("token") || undefined;
    },

    reserve({ visitor }) {
      if (reserved >= MOST_RESERVED)
        throw new GatewayError(
          "TOO_MANY_REQUESTS",
          `at most ${MOST_RESERVED} event streams can be reserved; open one of them first`,
        );
      const token = randomUUID();
      keep({ token, owner: visitor.identity.name });
      return token;
    },

    async open(token, reply) {
      const stream = await streamToOpen({ token, owner: reply.request.visitor.identity.name });
      clearTimeout(stream.expiry);
      reserved--;
      stream.events = openEvents(reply, parts, () => forget(token));
      return reply;
    },

    async start(token, request) {
      const operationRequest = readSseRequest(request);
      if (operationRequest instanceof GraphQLError)
        return [formatError(operationRequest, request.visitor).toJSON()];
      const call = { token, operationRequest, visitor: request.visitor };
      const here = await own.start(call);
      const answer = here.how === "none" && others !== undefined ? await others.start(call) : here;
      switch (answer.how) {
        case "started":
          return undefined;
        case "errors":
          return answer.errors;
        case "refused":
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

const unknownToken = () => new GatewayError("NOT_FOUND", "no event stream has this token");

const sendTo = async ({ events }: SseStream, event: string, data: object): Promise<void> =>
  events?.send(event, unmarkNumbers(JSON.stringify(data)));

function operationIdOf(operationRequest: object): string {
  const extensions = "extensions" in operationRequest ? operationRequest.extensions : undefined;
  const id =
    typeof extensions === "object" && extensions !== null && "operationId" in extensions
      ? extensions.operationId
      : undefined;
  if (typeof id !== "string" || id === "")
    throw new GatewayError("BAD_PARAMETER", "extensions.operationId is missing");
  return id;
}

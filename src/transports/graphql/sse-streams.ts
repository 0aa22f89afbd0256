/**
 * GraphQL over server-sent events, all operations of a client on one connection ("single connection mode"), for browsers
 * that allow few of them: PUT reserves a stream and answers with its token, GET opens it, POST starts operations, whose
 * results come on the stream with their id, and DELETE stops one.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */
import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { GraphQLError } from "graphql";
import { GatewayError } from "../../domain/errors.ts";
import { type Executor, formatted, perform } from "./executor.ts";
import { type SseOperation, startOperation } from "./sse.ts";
import { prepareRequest, readSseRequest } from "./sse-request.ts";
import { type EventResponse, openEvents } from "./sse-response.ts";

/** The mode's requests. All throw `GatewayError`. */
export interface SseStreams {
  /** The token of the stream that a request belongs to; undefined where it names none. */
  tokenOf(request: FastifyRequest): string | undefined;
  /** Reserves a stream for whoever asks: nobody else can open or use it. */
  reserve(request: FastifyRequest): string;
  open(token: string, reply: FastifyReply): FastifyReply;
  /** Starts an operation. @returns why not; undefined where it is under way */
  start(token: string, request: FastifyRequest): readonly GraphQLError[] | undefined;
  stop(token: string, request: FastifyRequest): void;
}

interface SseStream {
  /** The name of the identity that it was reserved for. */
  readonly owner: string;
  events: EventResponse | undefined;
  readonly operations: Map<string, SseOperation>;
  /** Forgets the reservation that nobody comes for. */
  readonly expiry: NodeJS.Timeout;
}

const TOKEN_HEADER = "x-graphql-event-stream-token";
/** Streams reserved and not opened yet: nobody needs many, and each is memory. */
const MOST_RESERVED = 1000;
const RESERVED_MS = 30_000;

/** Makes the streams of a gateway. */
export function createSseStreams({ prepare, run, formatError, parts }: Executor): SseStreams {
  const streams = new Map<string, SseStream>();
  let reserved = 0;

  function streamOf(token: string, { visitor }: FastifyRequest): SseStream {
    const stream = streams.get(token);
    if (stream === undefined || stream.owner !== visitor.identity.name)
      throw new GatewayError("NOT_FOUND", "there is no event stream of this token");
    return stream;
  }

  function forget(token: string): void {
    const stream = streams.get(token);
    if (stream === undefined || !streams.delete(token)) return;
    clearTimeout(stream.expiry);
    if (stream.events === undefined) reserved--;
    for (const operation of stream.operations.values()) operation.stop();
    stream.events?.end();
  }

  return {
    tokenOf({ headers, raw }) {
      const named = headers[TOKEN_HEADER];
      if (typeof named === "string" && named !== "") return named;
      return new URL(raw.url ?? "/", "http://gateway").searchParams.get("token") || undefined;
    },

    reserve({ visitor }) {
      if (reserved >= MOST_RESERVED)
        throw new GatewayError("TOO_MANY_REQUESTS", "too many event streams are reserved; open those first");
      const token = randomUUID();
      const expiry = setTimeout(() => forget(token), RESERVED_MS).unref();
      streams.set(token, { owner: visitor.identity.name, events: undefined, operations: new Map(), expiry });
      reserved++;
      return token;
    },

    open(token, reply) {
      const stream = streamOf(token, reply.request);
      if (stream.events !== undefined)
        throw new GatewayError("BAD_PARAMETER", "token names a stream that is open");
      clearTimeout(stream.expiry);
      reserved--;
      stream.events = openEvents(reply, parts, () => forget(token));
      return reply;
    },

    start(token, request) {
      const stream = streamOf(token, request);
      const asked = readSseRequest(request);
      const prepared = prepareRequest(request, asked, prepare, stream.events?.session);
      if ("errors" in prepared) return prepared.errors.map((error) => formatError(error, request.visitor));
      const id = operationIdOf(asked);
      const { operations } = stream;
      if (operations.has(id))
        throw new GatewayError("BAD_PARAMETER", "operationId names one that is under way");
      if (operations.size >= parts.limits.graphqlMaxOperations)
        throw new GatewayError("TOO_MANY_REQUESTS", "more operations are under way than one stream may have");
      const operation = startOperation((result) =>
        sendTo(stream, "next", { id, payload: formatted(result, formatError, request.visitor) }),
      );
      operations.set(id, operation);
      operation.follow(perform(prepared, run)).finally(() => {
        if (operations.delete(id)) void sendTo(stream, "complete", { id });
      });
      return undefined;
    },

    stop(token, request) {
      const { operations } = streamOf(token, request);
      const id = new URL(request.raw.url ?? "/", "http://gateway").searchParams.get("operationId") ?? "";
      const operation = operations.get(id);
      operations.delete(id);
      operation?.stop();
    },
  };
}

const sendTo = async ({ events }: SseStream, event: string, data: object): Promise<void> =>
  events?.send(event, JSON.stringify(data));

function operationIdOf(asked: object): string {
  const extensions = "extensions" in asked ? asked.extensions : undefined;
  const id =
    typeof extensions === "object" && extensions !== null && "operationId" in extensions
      ? extensions.operationId
      : undefined;
  if (typeof id !== "string" || id === "")
    throw new GatewayError("BAD_PARAMETER", "extensions.operationId is missing");
  return id;
}

/**
 * GraphQL over server-sent events, all operations of a client on one connection ("single connection mode"), for browsers
 * that allow few of them: PUT reserves a stream and answers with its token, GET opens it, POST starts operations, whose
 * results come on the stream with their id, and DELETE stops one.
 *
 * @see https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md
 */
import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import { asGatewayError, type ErrorCode, GatewayError } from "../../../domain/errors.ts";
import { unmarkNumbers } from "../execution/exact-numbers.ts";
import { type Executor, formatted, perform } from "../execution/executor.ts";
import { type SseOperation, startOperation } from "./sse.ts";
import { readSseRequest, type SseRequest } from "./sse-request.ts";
import { type EventResponse, openEvents } from "./sse-response.ts";

/** The mode's requests. All throw `GatewayError`. */
export interface SseStreams {
  /** The token of the stream that a request belongs to; undefined where it names none. */
  tokenOf(request: FastifyRequest): string | undefined;
  /** Reserves a stream for whoever asks: nobody else can open or use it. */
  reserve(request: FastifyRequest): string;
  open(token: string, reply: FastifyReply): Promise<FastifyReply>;
  /** Starts an operation. @returns why not; undefined where it is under way */
  start(token: string, request: FastifyRequest): Promise<readonly GraphQLFormattedError[] | undefined>;
  stop(token: string, request: FastifyRequest): Promise<void>;
  /** What the streams of this process answer to other workers. */
  readonly own: StreamsByToken;
}

/**
 * Streams by their tokens, of this process or of the other workers: a client's next request may come to any of them. It
 * is all JSON.
 */
export interface StreamsByToken {
  /** Gives a reservation up, for another worker to open. @returns whether there was one */
  claim(call: ClaimCall): Promise<"reserved" | "open" | "none">;
  start(call: StartCall): Promise<StartAnswer>;
  stop(call: StopCall): Promise<boolean>;
}

/** A stream, for whom it was reserved: to nobody else there is one. */
export interface ClaimCall {
  readonly token: string;
  readonly owner: string;
}

/** An operation for a stream. */
export interface StartCall {
  readonly token: string;
  readonly asked: SseRequest;
  readonly visitor: Visitor;
}

/** The end of an operation, by the id that its client gave it. */
export interface StopCall extends ClaimCall {
  readonly operationId: string;
}

/** How a start went. */
export type StartAnswer =
  | { readonly how: "none" | "started" }
  | { readonly how: "errors"; readonly errors: readonly GraphQLFormattedError[] }
  | { readonly how: "refused"; readonly code: ErrorCode; readonly message: string };

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

/** Makes the streams of a gateway. @param others those of the other workers */
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

  /** The stream that a GET opens. One that another worker has reserved is this one's from now on. */
  async function streamToOpen(call: ClaimCall): Promise<SseStream> {
    const stream = streamOf(call);
    const found = stream === undefined ? await others?.claim(call) : undefined;
    if (found === "reserved") return keep(call);
    if (stream?.events !== undefined || found === "open")
      throw new GatewayError("BAD_PARAMETER", "token names a stream that is open");
    if (stream === undefined) throw unknownToken();
    return stream;
  }

  function startHere(stream: SseStream, asked: SseRequest, visitor: Visitor): StartAnswer {
    const prepared = prepare(asked, visitor, stream.events?.session);
    if ("errors" in prepared)
      return { how: "errors", errors: prepared.errors.map((one) => formatError(one, visitor).toJSON()) };
    const id = operationIdOf(asked);
    const { operations } = stream;
    if (operations.has(id))
      throw new GatewayError("BAD_PARAMETER", "operationId names one that is under way");
    if (operations.size >= parts.limits.graphqlMaxOperations)
      throw new GatewayError("TOO_MANY_REQUESTS", "more operations are under way than one stream may have");
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
    async start({ token, asked, visitor }) {
      const stream = streamOf({ token, owner: visitor.identity.name });
      try {
        return stream === undefined ? { how: "none" } : startHere(stream, asked, visitor);
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
        throw new GatewayError("TOO_MANY_REQUESTS", "too many event streams are reserved; open those first");
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
      const asked = readSseRequest(request);
      if (asked instanceof GraphQLError) return [formatError(asked, request.visitor).toJSON()];
      const call = { token, asked, visitor: request.visitor };
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

const unknownToken = () => new GatewayError("NOT_FOUND", "there is no event stream of this token");

const sendTo = async ({ events }: SseStream, event: string, data: object): Promise<void> =>
  events?.send(event, unmarkNumbers(JSON.stringify(data)));

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

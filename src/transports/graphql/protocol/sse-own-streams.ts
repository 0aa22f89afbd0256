/** Event streams of this process: reservations, open streams, and the operations that run on them. */

import { randomUUID } from "node:crypto";
import type { FastifyReply } from "fastify";
import type { Visitor } from "../../../access/admission.ts";
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import { shown } from "../../../domain/shown.ts";
import { type Executor, formatted, perform } from "../execution/executor.ts";
import { encodeResult } from "../execution/result-text.ts";
import { type SseOperation, startOperation } from "./sse.ts";
import type { ClaimCall, StartAnswer, StartCall, StopCall, StreamsByToken } from "./sse-peer-streams.ts";
import type { SseRequest } from "./sse-request.ts";
import { type EventResponse, openEvents } from "./sse-response.ts";

interface SseStream {
  /** Name of the identity that reserved the stream. */
  readonly owner: string;
  events: EventResponse | undefined;
  readonly operations: Map<string, SseOperation>;
  /** Timer that removes a reservation that is not opened in time. */
  readonly expiry: NodeJS.Timeout;
}

/** Maximum number of streams that are reserved and not opened yet. */
const MAX_RESERVED = 1000;
const RESERVED_MS = 30_000;

/** Creates the error for a token without a stream. */
export const unknownToken = () =>
  new GatewayError("NOT_FOUND", "no event stream has this token; reserve one with PUT /graphql");

/** Creates the error for a stream that is open. */
export const alreadyOpen = () =>
  new GatewayError(
    "BAD_PARAMETER",
    "token belongs to a stream that is already open; reserve another one with PUT /graphql",
  );

/** Event streams of this process. */
export class OwnStreams implements StreamsByToken {
  readonly #executor: Executor;
  readonly #workSlices: WorkSlices;
  readonly #streams = new Map<string, SseStream>();
  #reserved = 0;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#workSlices = executor.parts.access.turns.slices;
  }

  /** Reserves a stream for an identity. @returns its token @throws GatewayError TOO_MANY_REQUESTS */
  reserve(owner: string): string {
    if (this.#reserved >= MAX_RESERVED)
      throw new GatewayError(
        "TOO_MANY_REQUESTS",
        `at most ${MAX_RESERVED} event streams can be reserved; open one of them first`,
      );
    const token = randomUUID();
    this.keep({ token, owner });
    return token;
  }

  /** Keeps a reservation, which another worker may have made. */
  keep({ token, owner }: ClaimCall): void {
    const expiry = setTimeout(() => this.#forget(token), RESERVED_MS).unref();
    this.#streams.set(token, { owner, events: undefined, operations: new Map(), expiry });
    this.#reserved++;
  }

  /** Returns the state of a stream. */
  stateOf(call: ClaimCall): "reserved" | "open" | "none" {
    const stream = this.#streamOf(call);
    if (stream === undefined) return "none";
    return stream.events === undefined ? "reserved" : "open";
  }

  /** Opens a reserved stream. @throws GatewayError NOT_FOUND, or BAD_PARAMETER if it is open */
  open(call: ClaimCall, reply: FastifyReply): void {
    const stream = this.#streamOf(call);
    if (stream === undefined) throw unknownToken();
    if (stream.events !== undefined) throw alreadyOpen();
    clearTimeout(stream.expiry);
    this.#reserved--;
    stream.events = openEvents(reply, this.#executor.parts, () => this.#forget(call.token));
  }

  async claim(call: ClaimCall): Promise<"reserved" | "open" | "none"> {
    const state = this.stateOf(call);
    if (state === "reserved") this.#forget(call.token);
    return state;
  }

  async start({ token, operationRequest, visitor }: StartCall): Promise<StartAnswer> {
    const stream = this.#streamOf({ token, owner: visitor.identity.name });
    try {
      return stream === undefined ? { how: "none" } : this.#startOn(stream, operationRequest, visitor);
    } catch (error) {
      const { code, message } = asGatewayError(error);
      return { how: "rejected", code, message };
    }
  }

  async stop({ operationId, ...call }: StopCall): Promise<boolean> {
    const operations = this.#streamOf(call)?.operations;
    const operation = operations?.get(operationId);
    operations?.delete(operationId);
    operation?.stop();
    return operations !== undefined;
  }

  #startOn(stream: SseStream, operationRequest: SseRequest, visitor: Visitor): StartAnswer {
    const { prepare, run, formatError, parts } = this.#executor;
    const prepared = prepare(operationRequest, visitor, stream.events?.session);
    if ("errors" in prepared)
      return { how: "errors", errors: prepared.errors.map((one) => formatError(one, visitor).toJSON()) };
    const id = operationIdOf(operationRequest);
    const { operations } = stream;
    if (operations.has(id))
      throw new GatewayError(
        "BAD_PARAMETER",
        `operationId must differ from those of running operations, got ${shown(id)}`,
      );
    if (operations.size >= parts.config.graphqlMaxOperations)
      throw new GatewayError(
        "TOO_MANY_REQUESTS",
        `a stream must have at most ${parts.config.graphqlMaxOperations} running operations`,
      );
    const operation = startOperation(this.#workSlices, (result) =>
      this.#send(stream, "next", { id, payload: formatted(result, formatError, visitor) }),
    );
    operations.set(id, operation);
    operation.follow(perform(prepared, run), prepared.lease).finally(() => {
      if (operations.delete(id)) void this.#send(stream, "complete", { id });
    });
    return { how: "started" };
  }

  async #send({ events }: SseStream, event: string, data: object): Promise<void> {
    return events?.send(event, await encodeResult(data, this.#workSlices));
  }

  #streamOf({ token, owner }: ClaimCall): SseStream | undefined {
    const stream = this.#streams.get(token);
    return stream?.owner === owner ? stream : undefined;
  }

  #forget(token: string): void {
    const stream = this.#streams.get(token);
    if (stream === undefined || !this.#streams.delete(token)) return;
    clearTimeout(stream.expiry);
    if (stream.events === undefined) this.#reserved--;
    for (const operation of stream.operations.values()) operation.stop();
    stream.events?.end();
  }
}

function operationIdOf(operationRequest: object): string {
  const extensions = "extensions" in operationRequest ? operationRequest.extensions : undefined;
  const id =
    typeof extensions === "object" && extensions !== null && "operationId" in extensions
      ? extensions.operationId
      : undefined;
  if (typeof id !== "string" || id === "")
    throw new GatewayError(
      "BAD_PARAMETER",
      `extensions.operationId must be a string of at least one character, got ${shown(id)}`,
    );
  return id;
}

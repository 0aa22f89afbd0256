/** What a GraphQL request over HTTP says, for the doors that read it themselves. */
import type { FastifyRequest } from "fastify";
import { GraphQLError } from "graphql";
import type { Session } from "../../../access/sessions.ts";
import { type ErrorCode, GatewayError } from "../../../domain/errors.ts";
import { checkJsonBounds } from "../../../wire/json-text.ts";
import { graphqlError } from "../execution/errors.ts";
import { markNumbers } from "../execution/exact-numbers.ts";
import type { GraphqlRequest, Prepare, Prepared } from "../execution/prepare.ts";

/** A request, with what its protocol adds. */
export interface SseRequest extends GraphqlRequest {
  readonly extensions?: unknown;
}

/** Reads a request from the address of a GET or the body of a POST. */
export function readSseRequest({ method, headers, raw, body }: FastifyRequest): SseRequest | GraphQLError {
  try {
    if (method === "GET") {
      const { searchParams } = new URL(raw.url ?? "/", "http://gateway");
      const json = (name: string) => parsed(searchParams.get(name) || "null");
      return {
        query: searchParams.get("query"),
        operationName: searchParams.get("operationName"),
        variables: json("variables"),
        extensions: json("extensions"),
      };
    }
    // A form of another site could send any other type without being asked first.
    if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? ""))
      return refused("UNSUPPORTED_MEDIA_TYPE", "a GraphQL request is application/json");
    const value: unknown = parsed(Buffer.isBuffer(body) ? body.toString() : "");
    if (typeof value !== "object" || value === null)
      return graphqlError("BAD_REQUEST", "the body is no object");
    return value;
  } catch (error) {
    return graphqlError(
      "BAD_REQUEST",
      error instanceof GatewayError ? error.message : "the request is no JSON",
    );
  }
}

function parsed(text: string): unknown {
  checkJsonBounds(text, "the GraphQL request");
  return JSON.parse(markNumbers(text));
}

/**
 * Prepares a request; a mutation by GET is refused, because a page can make a browser send one.
 *
 * @param session the connection that its results go to
 */
export function prepareRequest(
  { method, visitor }: FastifyRequest,
  asked: SseRequest | GraphQLError,
  prepare: Prepare,
  session: Session | undefined,
): Prepared {
  if (asked instanceof GraphQLError) return { errors: [asked] };
  const prepared = prepare(asked, visitor, session);
  return method === "GET" && "operation" in prepared && prepared.operation === "mutation"
    ? { errors: [refused("METHOD_NOT_ALLOWED", "a mutation is sent by POST")] }
    : prepared;
}

const refused = (code: ErrorCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

/** Parses GraphQL requests over HTTP that are answered with server-sent events. */
import type { FastifyRequest } from "fastify";
import { GraphQLError } from "graphql";
import type { Session } from "../../../access/sessions.ts";
import { type ErrorCode, GatewayError } from "../../../domain/errors.ts";
import { shown } from "../../../domain/shown.ts";
import { checkJsonBounds } from "../../../wire/json/json-text.ts";
import { markNumbers } from "../../request/exact-numbers.ts";
import { graphqlError } from "../execution/errors.ts";
import type { GraphqlRequest, Prepare, Prepared } from "../execution/prepare.ts";

/** GraphQL request with the extensions of the SSE protocol. */
export interface SseRequest extends GraphqlRequest {
  readonly extensions?: unknown;
}

/** Parses a request from the URL of a GET or the body of a POST. */
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
    // CSRF protection: other content types can be sent by a form of another site without a CORS preflight.
    if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? ""))
      return rejection(
        "UNSUPPORTED_MEDIA_TYPE",
        `Content-Type of a GraphQL request must be application/json, got ${shown(headers["content-type"])}`,
      );
    const value: unknown = parsed(Buffer.isBuffer(body) ? body.toString() : "");
    if (typeof value !== "object" || value === null)
      return graphqlError(
        "BAD_REQUEST",
        `the body must be a JSON object such as {"query": "{ streams { id } }"}, got ${shown(value)}`,
      );
    return value;
  } catch (error) {
    return graphqlError(
      "BAD_REQUEST",
      error instanceof GatewayError ? error.message : "the request is not valid JSON",
    );
  }
}

function parsed(text: string): unknown {
  checkJsonBounds(text, "the GraphQL request");
  return JSON.parse(markNumbers(text));
}

/**
 * Prepares a request. Rejects a mutation sent with GET, because another site can make a browser send one.
 *
 * @param session connection that receives the results
 */
export function prepareRequest(
  { method, visitor }: FastifyRequest,
  parsedRequest: SseRequest | GraphQLError,
  prepare: Prepare,
  session: Session | undefined,
): Prepared {
  if (parsedRequest instanceof GraphQLError) return { errors: [parsedRequest] };
  const prepared = prepare(parsedRequest, visitor, session);
  return method === "GET" && "operation" in prepared && prepared.operation === "mutation"
    ? { errors: [rejection("METHOD_NOT_ALLOWED", "a mutation must be sent with POST")] }
    : prepared;
}

const rejection = (code: ErrorCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

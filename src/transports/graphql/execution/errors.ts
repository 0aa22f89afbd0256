/**
 * Formats errors of a GraphQL answer: a message, and a stable code in `extensions`. The codes are those of
 * `domain/errors.ts`, and those below for invalid GraphQL requests.
 */

import { GraphQLError } from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import { asGatewayError } from "../../../domain/errors.ts";
import type { Counters } from "../../../observe/counters.ts";
import { type ErrorLog, errorContext } from "../../response/errors/error-log.ts";
import { FieldError } from "./field-errors.ts";

/** Codes that only GraphQL has. */
export type GraphqlCode =
  /** The request is not a GraphQL request: `query` is missing, or `variables` is not an object. */
  | "BAD_REQUEST"
  /** The document has a syntax error. */
  | "GRAPHQL_PARSE_FAILED"
  /** The document does not match the schema: an unknown field, a wrong type. */
  | "GRAPHQL_VALIDATION_FAILED"
  /** The document is too long, too deep or has too many aliases. */
  | "GRAPHQL_LIMIT_EXCEEDED"
  /** A variable or the operation name does not match the document. */
  | "BAD_USER_INPUT";

/** Creates an error with a code that only GraphQL has. */
export const graphqlError = (code: GraphqlCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

/** Copies an error with another message and code. Its locations and path are kept. */
function withMessage(error: Readonly<Error>, message: string, code: string): GraphQLError {
  if (error instanceof FieldError) {
    const { path, locations } = error;
    return Object.assign(new GraphQLError(message, { path, extensions: { code } }), { locations });
  }
  const { nodes, source, positions, path, locations } =
    error instanceof GraphQLError ? error : new GraphQLError(error.message);
  const made = new GraphQLError(message, {
    nodes: nodes ?? null,
    source,
    positions,
    path,
    extensions: { code },
  });
  // Errors of compiled documents have locations, but no nodes.
  return nodes === undefined && locations !== undefined ? Object.assign(made, { locations }) : made;
}

/** Copies an error with a code. */
export const withCode = (error: GraphQLError, code: GraphqlCode): GraphQLError =>
  withMessage(error, error.message, code);

/** Creates the function that converts errors to GraphQL errors for clients, and logs and counts them. */
export function createErrorFormatter({
  counters,
  errorLog,
}: {
  readonly counters: Counters;
  readonly errorLog: ErrorLog;
}) {
  return function format(error: Readonly<Error>, visitor?: Visitor): GraphQLError {
    const thrown = error instanceof GraphQLError ? error.originalError : error;
    const cause = thrown instanceof FieldError ? thrown.cause : thrown;
    if (error instanceof GraphQLError && (cause === undefined || cause instanceof GraphQLError)) {
      counters.clientErrors++;
      return error.extensions.code === undefined ? withCode(error, "BAD_USER_INPUT") : error;
    }
    const known = asGatewayError(cause);
    errorLog.note(known, errorContext("/graphql", visitor));
    return withMessage(error, known.message, known.code);
  };
}

/** Converts errors to GraphQL errors for clients. */
export type ErrorFormatter = ReturnType<typeof createErrorFormatter>;

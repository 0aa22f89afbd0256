/**
 * How errors look in a GraphQL answer: a sentence for people, and a stable code in `extensions` for programs. The codes
 * are those of `domain/errors.ts`, and these, for what is wrong with the GraphQL itself.
 */

import { GraphQLError } from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import { asGatewayError } from "../../../domain/errors.ts";
import type { Counters } from "../../../observe/counters.ts";
import type { Refusals } from "../../response/error-log.ts";

/** Codes that only GraphQL has. */
export type GraphqlCode =
  /** The request is no GraphQL request: no query, variables that are no object. */
  | "BAD_REQUEST"
  /** The document does not follow the grammar. */
  | "GRAPHQL_PARSE_FAILED"
  /** The document does not fit the schema: an unknown field, a wrong type. */
  | "GRAPHQL_VALIDATION_FAILED"
  /** The document is too long, too deep or has too many aliases. */
  | "GRAPHQL_LIMIT_EXCEEDED"
  /** A variable or the name of the operation does not fit the document. */
  | "BAD_USER_INPUT";

/** An error with one of GraphQL's own codes. */
export const graphqlError = (code: GraphqlCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

/** The same place in the document and the answer, with other words and a code. */
function told(error: Readonly<Error>, message: string, code: string): GraphQLError {
  const { nodes, source, positions, path, locations } =
    error instanceof GraphQLError ? error : new GraphQLError(error.message);
  const made = new GraphQLError(message, {
    nodes: nodes ?? null,
    source,
    positions,
    path,
    extensions: { code },
  });
  // Compiled documents know where the field stands, but no longer its node.
  return nodes === undefined && locations !== undefined ? Object.assign(made, { locations }) : made;
}

/** The same error with a code. */
export const withCode = (error: GraphQLError, code: GraphqlCode): GraphQLError =>
  told(error, error.message, code);

/** Makes the function that turns whatever was thrown into what the client is told, and notes that it was. */
export function createErrorFormatter({
  counters,
  refusals,
}: {
  readonly counters: Counters;
  readonly refusals: Refusals;
}) {
  return function format(error: Readonly<Error>, visitor?: Visitor): GraphQLError {
    const cause = error instanceof GraphQLError ? error.originalError : error;
    if (error instanceof GraphQLError && (cause === undefined || cause instanceof GraphQLError)) {
      counters.clientErrors++;
      return error.extensions.code === undefined ? withCode(error, "BAD_USER_INPUT") : error;
    }
    const known = asGatewayError(cause);
    refusals.note(known, {
      door: "/graphql",
      connection: visitor?.id,
      address: visitor?.address,
      identity: visitor?.identity.name,
    });
    return told(error, known.message, known.code);
  };
}

/** Turns whatever was thrown into what the client is told. */
export type ErrorFormatter = ReturnType<typeof createErrorFormatter>;

/**
 * Prepares requests for execution. Parsed and validated documents are cached, because clients send the same documents
 * repeatedly, and parsing and validation take longer than most executions.
 */
import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationTypeNode,
  parse,
  validate,
} from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Session } from "../../../access/sessions.ts";
import { ParsedMetas } from "../schema/parsed-meta.ts";
import { createOperationContext, type GraphqlParts } from "./context.ts";
import { type GraphqlCode, graphqlError, withCode } from "./errors.ts";
import { limitError } from "./limits/document-limits.ts";

/** Request, independent of the protocol. */
export interface GraphqlRequest {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly operationName?: unknown;
}

/** A prepared operation, or the errors of the request. */
export type Prepared =
  | {
      readonly args: ExecutionArgs;
      readonly operation: OperationTypeNode;
      /** Memory of the operation. The caller releases it after the last result has been sent. */
      readonly lease: MemoryLease;
    }
  | { readonly errors: readonly GraphQLError[] };

/** Prepares one request. @param session its connection, if that is a WebSocket or an event stream */
export type Prepare = (request: GraphqlRequest, visitor: Visitor, session: Session | undefined) => Prepared;

type Checked = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

/** Maximum number of characters in cached documents; the oldest documents are evicted first. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
/** Maximum number of errors that validation reports for one document. */
const MAX_ERRORS = 20;

/** Creates the function that prepares requests. */
export function createPrepare(schema: GraphQLSchema, parts: GraphqlParts): Prepare {
  const known = new Map<string, Checked>();
  let characters = 0;
  const operationParts = { ...parts, parsedMetas: new ParsedMetas() };

  function documentOf(query: string): Checked {
    const kept = known.get(query);
    if (kept !== undefined) return kept;
    const made = makeDocument(query);
    known.set(query, made);
    characters += query.length;
    for (const old of known.keys()) {
      if (characters <= MAX_CHARACTERS) break;
      known.delete(old);
      characters -= old.length;
    }
    return made;
  }

  function makeDocument(query: string): Checked {
    let document: DocumentNode;
    try {
      document = parse(query, { maxTokens: parts.config.graphqlMaxTokens });
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      const isTooLong = /token limit|more that \d+ tokens/i.test(error.message);
      return { errors: [withCode(error, isTooLong ? "GRAPHQL_LIMIT_EXCEEDED" : "GRAPHQL_PARSE_FAILED")] };
    }
    const over = limitError(document, parts.config);
    if (over !== undefined) return { errors: [over] };
    const errors = validate(schema, document, undefined, { maxErrors: MAX_ERRORS });
    if (errors.length === 0) return { document };
    return { errors: errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED")) };
  }

  return ({ query, variables, operationName }, visitor, session) => {
    if (typeof query !== "string") return wrong("BAD_REQUEST", "query must be a string");
    if (variables != null && (typeof variables !== "object" || Array.isArray(variables)))
      return wrong("BAD_REQUEST", "variables must be an object");
    if (operationName != null && typeof operationName !== "string")
      return wrong("BAD_REQUEST", "operationName must be a string");
    const checked = documentOf(query);
    if ("errors" in checked) return checked;
    const { document } = checked;
    const operation = getOperationAST(document, operationName)?.operation;
    if (operation === undefined)
      return wrong(
        "BAD_USER_INPUT",
        operationName
          ? `operationName must name an operation of the document, got "${operationName.slice(0, 60)}"`
          : "operationName is required unless the document has exactly one operation",
      );
    const context = createOperationContext(operationParts, visitor, session);
    const args = {
      schema,
      document,
      variableValues: variables as Readonly<Record<string, unknown>> | null | undefined,
      operationName,
      contextValue: context,
    };
    return { args, operation, lease: context.lease };
  };
}

const wrong = (code: GraphqlCode, message: string): Prepared => ({ errors: [graphqlError(code, message)] });

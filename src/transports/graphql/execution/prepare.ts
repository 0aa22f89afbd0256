/**
 * From what a client sent to what can be carried out. Documents are parsed and validated once and kept: clients send
 * the same ones over and over, and both take longer than most answers.
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
import { createOperationContext, type GraphqlParts } from "./context.ts";
import { limitError } from "./document-limits.ts";
import { type GraphqlCode, graphqlError, withCode } from "./errors.ts";

/** A request as the protocols have it in common. */
export interface GraphqlRequest {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly operationName?: unknown;
}

/** What to carry out, or why not. */
export type Prepared =
  | {
      readonly args: ExecutionArgs;
      readonly operation: OperationTypeNode;
      /** Memory of the operation: to be released when its last result has been handed over. */
      readonly lease: MemoryLease;
    }
  | { readonly errors: readonly GraphQLError[] };

/** Prepares one request. @param session the connection that it belongs to, where it is one that lasts */
export type Prepare = (request: GraphqlRequest, visitor: Visitor, session: Session | undefined) => Prepared;

type Checked = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

/** Characters of documents that are kept; the oldest go first. */
const MOST_CHARACTERS = 4 * 1024 * 1024;
/** Errors of one document that are found before validation stops. */
const MOST_ERRORS = 20;

/** Makes the function that prepares requests. */
export function createPrepare(schema: GraphQLSchema, parts: GraphqlParts): Prepare {
  const known = new Map<string, Checked>();
  let characters = 0;

  function documentOf(query: string): Checked {
    const kept = known.get(query);
    if (kept !== undefined) return kept;
    const made = makeDocument(query);
    known.set(query, made);
    characters += query.length;
    for (const old of known.keys()) {
      if (characters <= MOST_CHARACTERS) break;
      known.delete(old);
      characters -= old.length;
    }
    return made;
  }

  function makeDocument(query: string): Checked {
    let document: DocumentNode;
    try {
      document = parse(query, { maxTokens: parts.limits.graphqlMaxTokens });
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      const isTooLong = /token limit|more that \d+ tokens/i.test(error.message);
      return { errors: [withCode(error, isTooLong ? "GRAPHQL_LIMIT_EXCEEDED" : "GRAPHQL_PARSE_FAILED")] };
    }
    const over = limitError(document, parts.limits);
    if (over !== undefined) return { errors: [over] };
    const errors = validate(schema, document, undefined, { maxErrors: MOST_ERRORS });
    if (errors.length === 0) return { document };
    return { errors: errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED")) };
  }

  return ({ query, variables, operationName }, visitor, session) => {
    if (typeof query !== "string") return wrong("BAD_REQUEST", "query is no string");
    if (variables != null && (typeof variables !== "object" || Array.isArray(variables)))
      return wrong("BAD_REQUEST", "variables is no object");
    if (operationName != null && typeof operationName !== "string")
      return wrong("BAD_REQUEST", "operationName is no string");
    const checked = documentOf(query);
    if ("errors" in checked) return checked;
    const { document } = checked;
    const operation = getOperationAST(document, operationName)?.operation;
    if (operation === undefined)
      return wrong(
        "BAD_USER_INPUT",
        operationName
          ? `operationName names no operation of the document: "${operationName.slice(0, 60)}"`
          : "the document has several operations, or none; operationName says which",
      );
    const context = createOperationContext(parts, visitor, session);
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

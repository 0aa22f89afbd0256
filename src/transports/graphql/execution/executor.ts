/** Executes GraphQL operations, independent of the protocol. */
import {
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  subscribe,
} from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import { withoutStack } from "../../../domain/without-stack.ts";
import { buildSchema } from "../schema/schema.ts";
import { createRun, type Run } from "./compiled-execute.ts";
import type { GraphqlParts } from "./context.ts";
import { createErrorFormatter, type ErrorFormatter } from "./errors.ts";
import { throwFieldErrors } from "./field-errors.ts";
import { createPrepare, type Prepare, type Prepared } from "./prepare.ts";

/** Functions shared by all GraphQL protocols. */
export interface Executor {
  readonly parts: GraphqlParts;
  readonly prepare: Prepare;
  readonly formatError: ErrorFormatter;
  readonly run: Run;
}

/** Outcome of an operation: one result, or a sequence of results. */
export type Outcome = ExecutionResult | AsyncGenerator<ExecutionResult, void, void>;

/** Result that fits the types of every protocol. */
type AnyResult = { readonly [K in keyof ExecutionResult]?: ExecutionResult[K] | undefined };

/** Creates the executor. */
export function createExecutor(parts: GraphqlParts, run = createRun()): Executor {
  return {
    run,
    parts,
    prepare: createPrepare(throwFieldErrors(buildSchema(!parts.config.noDevicePrefix)), parts),
    formatError: createErrorFormatter(parts.observe),
  };
}

/** Executes a prepared operation. If preparation failed, the result contains its errors. */
export async function perform(prepared: Prepared, run: Run): Promise<Outcome> {
  if ("errors" in prepared) return prepared;
  const { args, operation } = prepared;
  if (operation !== "subscription") return run(args);
  return (await subscribe(args)) as Outcome;
}

/**
 * Error of a result, which is formatted when it is serialized. A result can have tens of thousands of them, and a large
 * result is serialized in slices.
 */
class LateError implements GraphQLFormattedError {
  readonly #format: () => GraphQLFormattedError;

  constructor(format: () => GraphQLFormattedError) {
    this.#format = format;
  }

  get message(): string {
    return this.toJSON().message;
  }

  toJSON(): GraphQLFormattedError {
    return withoutStack(this.#format);
  }
}

/** Formats the errors of a result for clients. They are formatted and logged when the result is serialized. */
export function formatted(
  { errors, ...rest }: AnyResult,
  format: ErrorFormatter,
  visitor: Visitor,
): FormattedExecutionResult {
  // JSON omits undefined members.
  const result = rest as FormattedExecutionResult;
  return errors === undefined
    ? result
    : { ...result, errors: errors.map((error) => new LateError(() => format(error, visitor).toJSON())) };
}

/** Whether an outcome is a sequence of results. */
export const isMany = (outcome: Outcome): outcome is AsyncGenerator<ExecutionResult, void, void> =>
  Symbol.asyncIterator in outcome;

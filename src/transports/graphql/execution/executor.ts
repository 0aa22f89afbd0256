/** Carries operations out, whatever protocol they came by. */
import { type ExecutionResult, type FormattedExecutionResult, subscribe } from "graphql";
import type { Visitor } from "../../../access/admission.ts";
import { buildSchema } from "../schema/schema.ts";
import { createRun, type Run } from "./compiled-execute.ts";
import type { GraphqlParts } from "./context.ts";
import { createErrorFormatter, type ErrorFormatter } from "./errors.ts";
import { createPrepare, type Prepare, type Prepared } from "./prepare.ts";

/** What the protocols share. */
export interface Executor {
  readonly parts: GraphqlParts;
  readonly prepare: Prepare;
  readonly formatError: ErrorFormatter;
  readonly run: Run;
}

/** What an operation gives: one result, or one after the other. */
export type Outcome = ExecutionResult | AsyncGenerator<ExecutionResult, void, void>;

/** A result in whichever protocol's types. */
type AnyResult = { readonly [K in keyof ExecutionResult]?: ExecutionResult[K] | undefined };

/** Makes what the protocols share. */
export function createExecutor(parts: GraphqlParts, run = createRun()): Executor {
  return {
    run,
    parts,
    prepare: createPrepare(buildSchema(!parts.limits.noDevicePrefix), parts),
    formatError: createErrorFormatter(parts),
  };
}

/** Carries a prepared operation out; one that could not be prepared is a result of its errors. */
export async function perform(prepared: Prepared, run: Run): Promise<Outcome> {
  if ("errors" in prepared) return prepared;
  const { args, operation } = prepared;
  if (operation !== "subscription") return run(args);
  return (await subscribe(args)) as Outcome;
}

/** A result with its errors as clients may see them. */
export function formatted(
  { errors, ...rest }: AnyResult,
  format: ErrorFormatter,
  visitor: Visitor,
): FormattedExecutionResult {
  // What is undefined is left out by JSON.
  const result = rest as FormattedExecutionResult;
  return errors === undefined
    ? result
    : { ...result, errors: errors.map((error) => format(error, visitor).toJSON()) };
}

/** Whether an outcome is one after the other. */
export const isMany = (outcome: Outcome): outcome is AsyncGenerator<ExecutionResult, void, void> =>
  Symbol.asyncIterator in outcome;

/**
 * Executes queries and mutations. A document that clients send repeatedly is compiled, which halves the time of a long
 * list. Compiling costs more than a few executions, so the first ones are interpreted.
 */
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  getOperationAST,
  getVariableValues,
} from "graphql";
import { compileQuery, isCompiledQuery } from "graphql-jit";
import { overloaded } from "../../../access/limits/memory-budget.ts";
import type { OperationContext } from "./context.ts";
import { FIELD_BYTES, selectedFields } from "./limits/operation-memory.ts";

/** Executes an operation. */
export type Run = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

type Compiled = (
  root: unknown,
  context: unknown,
  variables: Readonly<Record<string, unknown>>,
) => ExecutionResult | Promise<ExecutionResult>;

interface Known {
  uses: number;
  readonly fields: number;
  /** True if its lists are so long that they are resolved in slices, which compiled code does not support. */
  isLarge: boolean;
  /** Undefined if it is not compiled yet or cannot be compiled. */
  compiled: Compiled | undefined;
}

/** Number of the execution before which a document is compiled. */
const COMPILE_AT = 5;

/** Maximum number of selected fields of a compiled document. Compiling more takes so long that other clients would wait. */
const MAX_COMPILED_FIELDS = 100;

/** Creates the function that executes operations. @param compileAt number of the execution that compiles a document */
export function createRun(compileAt = COMPILE_AT): Run {
  // Weak, so that compiled code is freed together with its document.
  const known = new WeakMap<DocumentNode, Known>();

  function knownOf(document: DocumentNode): Known {
    const found = known.get(document);
    if (found !== undefined) return found;
    const made = { uses: 0, fields: selectedFields(document), isLarge: false, compiled: undefined };
    known.set(document, made);
    return made;
  }

  function start(args: ExecutionArgs, one: Known): ExecutionResult | Promise<ExecutionResult> {
    const { rootValue, variableValues } = args;
    const context = args.contextValue as OperationContext;
    if (++one.uses === compileAt && one.fields <= MAX_COMPILED_FIELDS) one.compiled = compile(args);
    // Invalid variables are reported by graphql-js, so that their messages do not change with compilation.
    if (one.isLarge || one.compiled === undefined || hasWrongVariables(args)) {
      context.work.beginInSlices();
      return untilAbandoned(execute(args), args);
    }
    return runCompiled(one.compiled(rootValue, context, variableValues ?? {}), args, one);
  }

  return (args) => {
    const one = knownOf(args.document);
    const waiting = (args.contextValue as OperationContext).payloads.hold(one.fields * FIELD_BYTES);
    return waiting === undefined ? start(args, one) : waiting.then(() => start(args, one), rejected);
  };
}

/** Returns the result of an operation for which no memory became free. */
const rejected = (error: Error): ExecutionResult => ({
  errors: [new GraphQLError(error.message, { originalError: error })],
});

/** Ends a query early if its client has disconnected. A mutation continues with its next field. */
function untilAbandoned(
  running: ExecutionResult | Promise<ExecutionResult>,
  { document, operationName, contextValue }: ExecutionArgs,
): ExecutionResult | Promise<ExecutionResult> {
  if (!(running instanceof Promise) || getOperationAST(document, operationName)?.operation !== "query")
    return running;
  const { payloads } = contextValue as OperationContext;
  return new Promise((resolve, reject) => {
    payloads.whenAbandoned(() => {
      const error = overloaded();
      resolve({ data: null, errors: [new GraphQLError(error.message, { originalError: error })] });
    });
    running.then(resolve, reject);
  });
}

/** Awaits the result of compiled code. An operation that is too large for it is executed again in slices. */
async function runCompiled(
  running: ExecutionResult | Promise<ExecutionResult>,
  args: ExecutionArgs,
  known: Known,
): Promise<ExecutionResult> {
  const result = await untilAbandoned(running, args);
  const context = args.contextValue as OperationContext;
  if (!context.work.isTooLargeAtOnce()) return result;
  known.isLarge = true;
  // The results of the first execution are dropped.
  context.lease.set(0);
  const again = context.again();
  try {
    await again.payloads.hold(known.fields * FIELD_BYTES);
  } catch (error) {
    return rejected(error as Error);
  }
  again.work.beginInSlices();
  const largeArgs = { ...args, contextValue: again };
  return untilAbandoned(execute(largeArgs), largeArgs);
}

function compile({ schema, document }: ExecutionArgs): Compiled | undefined {
  // Each operation would need its own compiled program, and few documents have several.
  if (document.definitions.filter(({ kind }) => kind === "OperationDefinition").length > 1) return undefined;
  const compiled = compileQuery(schema, document);
  return isCompiledQuery(compiled) ? (compiled.query as Compiled) : undefined;
}

function hasWrongVariables({ schema, document, operationName, variableValues }: ExecutionArgs): boolean {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  if (definitions.length === 0) return false;
  return getVariableValues(schema, definitions, variableValues ?? {}).errors !== undefined;
}

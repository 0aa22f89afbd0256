/**
 * Carries queries and mutations out. A document that comes again and again is compiled to code that does just that,
 * which halves the time of a long list; compiling costs more than a few runs, so it is not done for the first ones.
 */
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  getOperationAST,
  getVariableValues,
} from "graphql";
import { compileQuery, isCompiledQuery } from "graphql-jit";
import type { OperationContext } from "./context.ts";

/** Carries an operation out. */
export type Run = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

type Compiled = (
  root: unknown,
  context: unknown,
  variables: Readonly<Record<string, unknown>>,
) => ExecutionResult | Promise<ExecutionResult>;

interface Known {
  uses: number;
  /** Its lists are so long that they are resolved in slices, which compiled code cannot. */
  isLarge: boolean;
  /** Undefined: not yet, or it cannot be. */
  compiled: Compiled | undefined;
}

/** The use at which a document is compiled. */
const COMPILE_AT = 5;

/** Makes a runner. @param compileAt the use at which a document is compiled */
export function createRun(compileAt = COMPILE_AT): Run {
  // What is no longer kept as a document is not kept as code.
  const known = new WeakMap<DocumentNode, Known>();
  return (args) => {
    const { document, rootValue, variableValues } = args;
    const context = args.contextValue as OperationContext;
    const one = known.get(document) ?? { uses: 0, isLarge: false, compiled: undefined };
    known.set(document, one);
    if (++one.uses === compileAt) one.compiled = compile(args);
    // Wrong variables are told in the words of the library that all else is told in.
    if (one.isLarge || one.compiled === undefined || hasWrongVariables(args)) {
      context.work.beginInSlices();
      return execute(args);
    }
    return runCompiled(one.compiled(rootValue, context, variableValues ?? {}), args, one);
  };
}

/** Waits for compiled code; an operation that turns out to be too large for it is executed again, in slices. */
async function runCompiled(
  running: ExecutionResult | Promise<ExecutionResult>,
  args: ExecutionArgs,
  known: Known,
): Promise<ExecutionResult> {
  const result = await running;
  const context = args.contextValue as OperationContext;
  if (!context.work.isTooLargeAtOnce()) return result;
  known.isLarge = true;
  const again = context.again();
  again.work.beginInSlices();
  return execute({ ...args, contextValue: again });
}

function compile({ schema, document }: ExecutionArgs): Compiled | undefined {
  // Several operations would be as many programs, and nearly no document has them.
  if (document.definitions.filter(({ kind }) => kind === "OperationDefinition").length > 1) return undefined;
  const compiled = compileQuery(schema, document);
  return isCompiledQuery(compiled) ? (compiled.query as Compiled) : undefined;
}

function hasWrongVariables({ schema, document, operationName, variableValues }: ExecutionArgs): boolean {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  if (definitions.length === 0) return false;
  return getVariableValues(schema, definitions, variableValues ?? {}).errors !== undefined;
}

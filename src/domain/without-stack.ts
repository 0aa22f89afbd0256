/**
 * Creation of errors without a stack trace. Capturing one takes several times as long as the rest, and it keeps the
 * variables of all functions in it in memory for as long as the error is kept.
 */

/** Calls a function in which no error captures a stack trace. */
export function withoutStack<T>(create: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return create();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

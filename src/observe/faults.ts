/**
 * Exceptions of consumers. Readers, workers and writers share connections to Redis and their replies. The caller of a consumer
 * catches its exception and ends it with the error from here, so that the others miss nothing.
 */
import { asGatewayError, GatewayError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "./counters.ts";

/** Counter and log of exceptions. */
export interface FaultParts {
  readonly counters: Pick<Counters, "internalErrors">;
  readonly logger: Logger;
}

/**
 * Returns the error that ends a consumer. An exception other than a `GatewayError` is counted and logged.
 *
 * @param consumer kind of the consumer, for the log
 */
export function faultOf(error: unknown, consumer: string, { counters, logger }: FaultParts): GatewayError {
  if (!(error instanceof GatewayError)) {
    counters.internalErrors++;
    logger.error({ consumer, err: error }, "an exception ended a consumer");
  }
  return asGatewayError(error);
}

/** Calls each listener. An exception of one does not keep the others from being called. @param consumer kind of the listeners, for the log */
export function callEach<Listener>(
  listeners: Iterable<Listener>,
  call: (listener: Listener) => void,
  consumer: string,
  parts: FaultParts,
): void {
  for (const listener of listeners) {
    try {
      call(listener);
    } catch (exception) {
      faultOf(exception, consumer, parts);
    }
  }
}

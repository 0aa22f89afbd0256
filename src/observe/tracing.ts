/**
 * Tracing of requests and connections: one span each, from start to end. Entries are not traced: there may be a million per
 * second. The OpenTelemetry library is loaded only if an endpoint is set.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Logger } from "../domain/logger.ts";

/** Attributes of a span. Never include secrets. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Ends a span. @param attributes further attributes @param isError whether the request failed */
export type EndSpan = (attributes: Attributes, isError: boolean) => void;

/** Creates spans. */
export interface Tracing {
  /** Starts a span, as a child of the client's span if the headers name one (W3C Trace Context). */
  start(name: string, attributes: Attributes, headers: IncomingHttpHeaders): EndSpan;
  /** Flushes unsent spans. */
  close(): Promise<void>;
}

/**
 * Starts tracing.
 *
 * @param endpoint the collector's base URL (`OTEL_EXPORTER_OTLP_ENDPOINT`) without `/v1/traces`; empty disables tracing
 */
export async function startTracing(
  endpoint: string,
  version: string,
  logger: Logger,
): Promise<Tracing | undefined> {
  if (endpoint === "") return undefined;
  const { createOtlpTracing } = await import("./otlp-tracing.ts");
  return createOtlpTracing(endpoint, version, logger);
}

/**
 * Traces: what of a request or connection is told to a collector, when it began and how it ended. Not of entries: there
 * are a million a second. The library is loaded where an endpoint is set, and costs nothing elsewhere.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Logger } from "../domain/logger.ts";

/** What is known of a span. Nothing secret goes in. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Ends a span. @param attributes what is known now @param isError whether it failed */
export type EndSpan = (attributes: Attributes, isError: boolean) => void;

/** Makes spans. */
export interface Tracing {
  /** Begins a span, as a part of the client's own trace where it names one (W3C Trace Context). */
  start(name: string, attributes: Attributes, headers: IncomingHttpHeaders): EndSpan;
  /** Sends what is not sent yet. */
  close(): Promise<void>;
}

/**
 * Starts tracing.
 *
 * @param endpoint the collector's base URL (`OTEL_EXPORTER_OTLP_ENDPOINT`), to which `/v1/traces` is added; empty does not trace
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

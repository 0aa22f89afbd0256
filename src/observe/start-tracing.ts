/** Starts tracing. The OpenTelemetry library is loaded only if an endpoint is set. */
import type { Logger } from "../domain/logger.ts";
import type { Tracing } from "./tracing.ts";

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

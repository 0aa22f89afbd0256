/** Opens the observing parts of a gateway: counters, logs and traces. */
import type { Logger } from "../domain/logger.ts";
import { createCounters } from "../observe/counters.ts";
import { createLatencyHistogram, type LatencyHistogram } from "../observe/metrics.ts";
import { startTracing } from "../observe/start-tracing.ts";
import { createStreamClasses } from "../observe/stream-classes.ts";
import type { Settings } from "../settings.ts";
import type { Observe } from "../transports/parts.ts";
import { createWarnings } from "../transports/request/warnings.ts";
import { createErrorLog } from "../transports/response/errors/error-log.ts";
import type { Closers } from "./closers.ts";

/** Counters, metrics, logger and tracer of a gateway. */
export interface GatewayObserve extends Observe {
  readonly latency: LatencyHistogram;
}

/** Opens the parts. */
export async function openObserve(
  settings: Settings,
  version: string,
  logger: Logger,
  closers: Closers,
): Promise<GatewayObserve> {
  const counters = createCounters();
  const tracing = await startTracing(settings.otlpEndpoint, version, logger);
  if (tracing !== undefined) closers.push(() => tracing.close());
  return {
    counters,
    streamClasses: createStreamClasses(settings.metricsClasses),
    errorLog: createErrorLog(counters, logger),
    warnings: createWarnings(counters, logger),
    latency: createLatencyHistogram(),
    tracing,
    logger,
  };
}

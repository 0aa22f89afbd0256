/** Settings of metrics, traces and logs. */
import { choice, streamClasses, text } from "./parsers.ts";
import { row } from "./row.ts";

/** Settings of metrics, traces and logs. */
export const OBSERVE = {
  metricsClasses: row(
    "METRICS_CLASSES",
    streamClasses,
    "",
    "",
    "Comma-separated classes of streams for metrics, such as cameras=*:cam*,glasses=glasses:*; the first matching pattern applies",
  ),
  otlpEndpoint: row(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    text,
    "",
    "",
    "Collector that receives traces by OTLP over HTTP, such as http://127.0.0.1:4318; empty sends none",
  ),
  logLevel: row(
    "LOG_LEVEL",
    choice("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    "info",
    "",
    "Minimum level of log messages",
  ),
  logFormat: row(
    "LOG_FORMAT",
    choice("auto", "pretty", "json"),
    "auto",
    "",
    "Log format; auto is pretty on a terminal and JSON lines elsewhere",
  ),
} as const;

/**
 * Counters and log lines of errors sent to clients. Possible attacks and overloads are logged, without secrets. The logger limits
 * repeated lines (`observe/limited-logger.ts`), and this file limits their length.
 */
import type { Visitor } from "../../../access/admission.ts";
import type { ErrorCode, GatewayError } from "../../../domain/errors.ts";
import type { Logger } from "../../../domain/logger.ts";
import type { Counters } from "../../../observe/counters.ts";

/** Context of an error: route, connection and client. */
export interface ErrorContext {
  /** The route pattern, such as `/data/{stream_id}/push`. Not the URL, which may contain secrets. */
  readonly route: string;
  readonly connection?: string | undefined;
  readonly address?: string | undefined;
  readonly identity?: string | undefined;
}

/** Returns the context of a request or a connection. @param visitor undefined if the client is not known yet */
export const errorContext = (route: string, visitor: Visitor | undefined): ErrorContext => ({
  route,
  connection: visitor?.id,
  address: visitor?.address,
  identity: visitor?.identity.name,
});

/** Records errors sent to clients. */
export interface ErrorLog {
  note(error: GatewayError, at: ErrorContext): void;
  /** Number of errors sent since the start, by code. */
  readonly counts: ReadonlyMap<ErrorCode, number>;
}

/** Codes that are logged, because operators act on them. All others are client mistakes, which are frequent. */
const LOGGED_CODES: ReadonlySet<ErrorCode> = new Set([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "FORBIDDEN_ORIGIN",
  "FORBIDDEN_HOST",
  "TOO_MANY_REQUESTS",
  "TOO_MANY_CONNECTIONS",
  "TOO_MANY_STREAMS",
  "TOO_LARGE",
  "HEADERS_TOO_LARGE",
  "AUTH_UNAVAILABLE",
]);

/** Maximum length of the texts in a line. A path or an error message may contain names of up to 3 KB. */
const MAX_CHARACTERS = 500;

/** Creates the error log of a gateway. */
export function createErrorLog(counters: Counters, logger: Logger): ErrorLog {
  const counts = new Map<ErrorCode, number>();
  return {
    counts,
    note(error, at) {
      const { code, kind, message, cause } = error;
      counts.set(code, (counts.get(code) ?? 0) + 1);
      if (code === "INTERNAL") {
        counters.internalErrors++;
        logger.error({ ...at, err: cause ?? error }, "a request failed");
        return;
      }
      if (kind.status < 500) counters.clientErrors++;
      if (LOGGED_CODES.has(code))
        logger.warn({ ...at, code, reason: message.slice(0, MAX_CHARACTERS) }, "a request was rejected");
    },
  };
}

/** Returns the route pattern of a path, so that logs have few distinct values. A path without a route is cut. */
export const routePatternOf = (pathname: string): string =>
  pathname
    .replace(/^\/data\/[^/]+/, "/data/{stream_id}")
    .replace(/^(\/data\/\{stream_id\}\/entries)\/[^/]+/, "$1/{entry_id}")
    .replace(/^(\/data\/\{stream_id\}\/work)\/[^/]+/, "$1/{group}")
    .replace(/^(\/recordings)\/[^/]+/, "$1/{name}")
    .replace(/^\/foxglove\/[^/]+/, "/foxglove/{device}")
    .slice(0, MAX_CHARACTERS);

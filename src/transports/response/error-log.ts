/** What the gateway refuses is counted by its code, and where somebody may be trying doors, logged: one line, no secret. */
import type { ErrorCode, GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Counters } from "../../observe/counters.ts";

/** Where something was refused. */
export interface RefusedAt {
  /** The route's shape, `/data/{stream_id}/push`, not the address, in which secrets may stand. */
  readonly door: string;
  readonly connection?: string | undefined;
  readonly address?: string | undefined;
  readonly identity?: string | undefined;
}

/** Notes refusals. */
export interface Refusals {
  note(error: GatewayError, at: RefusedAt): void;
  /** How often each code was told, since the start. */
  readonly counts: ReadonlyMap<ErrorCode, number>;
}

/** Those that an operator wants to know of. All others are mistakes of clients, of which there are many. */
const LOUD: ReadonlySet<ErrorCode> = new Set([
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

/** Makes the notes of a gateway. */
export function createRefusals(counters: Counters, logger: Logger): Refusals {
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
      if (LOUD.has(code)) logger.warn({ ...at, code, reason: message }, "refused");
    },
  };
}

/** The shape of a path: what is counted and logged has few of them. */
export const doorOf = (pathname: string): string => pathname.replace(/^\/data\/[^/]+/, "/data/{stream_id}");

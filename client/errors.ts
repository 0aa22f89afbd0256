/**
 * Everything that can go wrong for a user of the client, as one typed error. Where the gateway said what was wrong,
 * the error carries its stable code and sentence (wire.md, "HTTP", Errors).
 */
import { ERRORS, type ErrorCode } from "../src/domain/errors.ts";

/** Codes that the client adds to those of the gateway. */
export type ClientErrorCode =
  /** The URL handed to `connect` is no http, https, ws or wss URL. */
  | "BAD_URL"
  /** No connection could be made. */
  | "UNREACHABLE"
  /** The connection ended, and the gateway did not say why. */
  | "CONNECTION_LOST"
  /** The gateway, or a proxy before it, refused without a code of its own. */
  | "REFUSED"
  /** What came is not what wire.md says. */
  | "BAD_MESSAGE"
  /** The push was closed before. */
  | "CLOSED";

/** A stable code: the gateway's or the client's own. Newer gateways may send codes that are not listed. */
export type StreamerErrorCode = ErrorCode | ClientErrorCode | (string & {});

/** Where an error came from, as far as that is known. */
export interface StreamerErrorDetails {
  /** HTTP status of a refused request or handshake. */
  readonly status?: number;
  /** WebSocket close code (RFC 6455, section 7.4.1). */
  readonly closeCode?: number;
  /** Whether the same may succeed when it is tried again, without anything repeated behind the user's back. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

/** An error of the client or told by the gateway. */
export class StreamerError extends Error {
  override readonly name = "StreamerError";
  readonly code: StreamerErrorCode;
  readonly status: number | undefined;
  readonly closeCode: number | undefined;
  readonly retryable: boolean;

  constructor(code: StreamerErrorCode, message: string, details: StreamerErrorDetails) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.closeCode = details.closeCode;
    this.retryable = details.retryable;
  }
}

/**
 * Close codes after which the same request can only fail again: wrong kind of data (1003), policy, which is how the
 * gateway says that a request was wrong (1008), too large (1009), nobody or not allowed (4401, 4403). All others mean that this connection ended.
 */
const FINAL_CLOSE_CODES: ReadonlySet<number> = new Set([1003, 1008, 1009, 4401, 4403]);

/** Client errors that pass with time: request timeout, too early, too many requests (RFC 9110, RFC 8470, RFC 6585). */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** The error that a WebSocket close means. @param reason `CODE: sentence` where the gateway closed */
export function errorFromClose(closeCode: number, reason: string): StreamerError {
  const told = readReason(reason);
  return new StreamerError(
    told.code ?? "CONNECTION_LOST",
    told.message || `the connection closed (${closeCode})`,
    {
      closeCode,
      retryable: !FINAL_CLOSE_CODES.has(closeCode),
    },
  );
}

/** The error that an HTTP answer other than 2xx means. @param body the text of the answer, the gateway's is JSON */
export function errorFromResponse(status: number, body: string): StreamerError {
  const told = readBody(body);
  return new StreamerError(told.code ?? "REFUSED", told.message || `the gateway answered ${status}`, {
    status,
    retryable: status >= 500 || PASSING_STATUSES.has(status),
  });
}

/** The error for a connection that could not be made. */
export function unreachable(cause: unknown): StreamerError {
  return new StreamerError("UNREACHABLE", `no connection: ${rootMessage(cause)}`, { retryable: true, cause });
}

/** The error for a message that is not what wire.md says: trying again would bring the same. */
export const badMessage = (problem: string, cause?: unknown): StreamerError =>
  new StreamerError("BAD_MESSAGE", `the gateway sent ${problem}`, { retryable: false, cause });

/**
 * The error for entries that were sent and not acknowledged when the connection ended. They may be stored or not;
 * sending them again could store them twice, so that is for the sender to decide.
 *
 * @param cause why the connection ended
 */
export const appendUnknown = (cause: unknown): StreamerError =>
  new StreamerError(
    "APPEND_UNKNOWN",
    `sent, but not acknowledged before the connection ended, so stored or not: ${rootMessage(cause)}`,
    {
      retryable: ERRORS.APPEND_UNKNOWN.retryable,
      cause,
      ...(cause instanceof StreamerError && cause.closeCode !== undefined && { closeCode: cause.closeCode }),
    },
  );

interface Told {
  readonly code?: string;
  readonly message: string;
}

function readReason(reason: string): Told {
  const [, code, message] = /^([A-Z][A-Z_]+)(?:: ?|$)(.*)$/s.exec(reason) ?? [];
  return code === undefined ? { message: reason } : { code, message: message || code };
}

function readBody(body: string): Told {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { message: "" };
  }
  return readTold(parsed);
}

/** Reads `{"error": "<sentence>", "code": "<CODE>"}`, of which every part may be missing. */
export function readTold(value: unknown): Told {
  if (typeof value !== "object" || value === null) return { message: "" };
  const message = "error" in value && typeof value.error === "string" ? value.error : "";
  return "code" in value && typeof value.code === "string" ? { code: value.code, message } : { message };
}

/** Node wraps the reason of a failed connection, once per address tried; the innermost says what happened. */
function rootMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return rootMessage(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return rootMessage(error.cause);
  if (error.message !== "") return error.message;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

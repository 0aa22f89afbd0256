/**
 * Table of all errors that the gateway reports to clients, with the HTTP status and the WebSocket close code of each. The
 * codes are stable and part of the protocol (docs/protocol.md, "Errors").
 */

/** One kind of error: HTTP status, WebSocket close code, and whether a retry may succeed. */
export interface ErrorKind {
  readonly status: number;
  /** RFC 6455, section 7.4.1. */
  readonly close: number;
  readonly retryable: boolean;
}

/** All error kinds by code. */
export const ERRORS = {
  BAD_REQUEST: { status: 400, close: 1008, retryable: false },
  BAD_PARAMETER: { status: 400, close: 1008, retryable: false },
  BAD_HEADER: { status: 400, close: 1008, retryable: false },
  BAD_PAYLOAD: { status: 400, close: 1008, retryable: false },
  BAD_BODY: { status: 400, close: 1008, retryable: false },
  WRONG_MESSAGE_KIND: { status: 400, close: 1003, retryable: false },
  /** 4401 and 4403 are in the range of RFC 6455 that is left to applications. */
  UNAUTHENTICATED: { status: 401, close: 4401, retryable: false },
  FORBIDDEN: { status: 403, close: 4403, retryable: false },
  FORBIDDEN_ORIGIN: { status: 403, close: 1008, retryable: false },
  FORBIDDEN_HOST: { status: 403, close: 1008, retryable: false },
  NOT_ENABLED: { status: 403, close: 1008, retryable: false },
  NOT_FOUND: { status: 404, close: 1008, retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, close: 1008, retryable: false },
  REQUEST_TIMEOUT: { status: 408, close: 1008, retryable: true },
  ID_NOT_ABOVE_LAST: { status: 409, close: 1008, retryable: false },
  /** A retry whose dedupe record has expired, so the gateway cannot know whether the entry was stored. */
  DEDUPE_TOO_OLD: { status: 409, close: 1008, retryable: false },
  WRONG_TYPE: { status: 409, close: 1008, retryable: false },
  RECORDING_EXISTS: { status: 409, close: 1008, retryable: false },
  /** The recording is still in progress, or is being played. */
  RECORDING_BUSY: { status: 409, close: 1008, retryable: false },
  /** The recording has no entries, a file of it is damaged or missing, or too much of it would be in memory. */
  RECORDING_UNPLAYABLE: { status: 409, close: 1008, retryable: false },
  TOO_LARGE: { status: 413, close: 1009, retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, close: 1003, retryable: false },
  RANGE_NOT_SATISFIABLE: { status: 416, close: 1008, retryable: false },
  EXPECTATION_FAILED: { status: 417, close: 1008, retryable: false },
  CLOSED_BY_OPERATOR: { status: 403, close: 1008, retryable: false },
  UPGRADE_REQUIRED: { status: 426, close: 1008, retryable: false },
  TOO_MANY_REQUESTS: { status: 429, close: 1013, retryable: true },
  TOO_MANY_CONNECTIONS: { status: 429, close: 1013, retryable: true },
  TOO_MANY_RECORDINGS: { status: 429, close: 1008, retryable: false },
  TOO_MANY_PLAYBACKS: { status: 429, close: 1008, retryable: false },
  TOO_MANY_STREAMS: { status: 429, close: 1008, retryable: false },
  HEADERS_TOO_LARGE: { status: 431, close: 1008, retryable: false },
  INTERNAL: { status: 500, close: 1011, retryable: true },
  REDIS_REFUSED: { status: 500, close: 1011, retryable: false },
  REDIS_UNAVAILABLE: { status: 503, close: 1013, retryable: true },
  REDIS_FULL: { status: 503, close: 1013, retryable: true },
  AUTH_UNAVAILABLE: { status: 503, close: 1013, retryable: true },
  /** `RECORDINGS_DIR` cannot be written, or another gateway uses it. */
  RECORDINGS_UNAVAILABLE: { status: 503, close: 1013, retryable: true },
  /** The memory budget is exhausted. */
  OVERLOADED: { status: 503, close: 1013, retryable: true },
  APPEND_UNKNOWN: { status: 503, close: 1013, retryable: false },
  SHUTTING_DOWN: { status: 503, close: 1001, retryable: true },
} as const satisfies Record<string, ErrorKind>;

/** Stable error code. */
export type ErrorCode = keyof typeof ERRORS;

/** An error whose message is sent to the client. Any other error is reported as `INTERNAL`, without its message. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  /** Delay in ms before a retry, if known. */
  readonly retryAfterMs: number | undefined;

  /**
   * @param code the stable code, which decides the status and the close code
   * @param message what is wrong and what is allowed
   */
  constructor(code: ErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    const { stackTraceLimit } = Error;
    // The code and message are sufficient. A stack trace would keep the variables of all functions in it in memory, such as a
    // rejected message of 60 MB, for as long as the error is kept.
    if (code !== "INTERNAL") Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The error's row of the table. */
  get kind(): ErrorKind {
    return ERRORS[this.code];
  }
}

/** Creates the error for an invalid parameter. @param name the parameter as the client spells it */
export const badParameter = (name: string, problem: string): GatewayError =>
  new GatewayError("BAD_PARAMETER", `${name} ${problem}`);

/** Converts any thrown value to an error that can be sent to a client. */
export const asGatewayError = (error: unknown): GatewayError =>
  error instanceof GatewayError
    ? error
    : new GatewayError("INTERNAL", "internal error; see the gateway log", { cause: error });

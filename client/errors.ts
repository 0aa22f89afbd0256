/**
 * The error type of the client. If the gateway reported the error, it carries the gateway's stable code and message
 * (docs/protocol.md, "Errors").
 */
import type { ErrorCode } from "../src/domain/errors.ts";

/** Error codes of the client itself. */
export type ClientErrorCode =
  /** The URL passed to `connect` is not a valid http, https, ws or wss URL. */
  | "BAD_URL"
  /** The connection could not be opened. */
  | "UNREACHABLE"
  /** The certificate of the gateway is not trusted, has expired or is for another host. */
  | "UNTRUSTED_CERTIFICATE"
  /** The server at the URL responded in another protocol: not over TLS, not over HTTP, or without a WebSocket. */
  | "NOT_A_GATEWAY"
  /** The connection closed, and the gateway sent no reason. */
  | "CONNECTION_LOST"
  /** The gateway, or a proxy in front of it, rejected the request without an error code. */
  | "REFUSED"
  /** A message from the gateway violates docs/protocol.md. */
  | "BAD_MESSAGE"
  /** The push is closed. */
  | "CLOSED";

/** A stable error code of the gateway or the client. Newer gateways may send codes that are not listed here. */
export type StreamerErrorCode = ErrorCode | ClientErrorCode | (string & {});

/** Origin of an error, as far as it is known. */
export interface StreamerErrorDetails {
  /** HTTP status of a rejected request or handshake. */
  readonly status?: number;
  /** WebSocket close code (RFC 6455, section 7.4.1). */
  readonly closeCode?: number;
  /** Whether a retry may succeed and cannot store an entry twice. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

/** An error of the client, or one that the gateway reported. */
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
 * Close codes after which the same request fails again: unsupported data (1003), invalid request (1008), message too
 * large (1009), unauthenticated (4401), forbidden (4403). All other codes only end this connection.
 */
const FINAL_CLOSE_CODES: ReadonlySet<number> = new Set([1003, 1008, 1009, 4401, 4403]);

/** 4xx statuses that are worth a retry: request timeout, too early, too many requests (RFC 9110, RFC 8470, RFC 6585). */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** 5xx statuses of a server that lacks a feature: the method (501), the version of HTTP (505). */
const FINAL_STATUSES: ReadonlySet<number> = new Set([501, 505]);

/** Codes of responses that are not the gateway's: a proxy, another server at its address, or the portal of a network responds. */
export const FOREIGN_CODES: ReadonlySet<string> = new Set([
  "REFUSED",
  "NOT_A_GATEWAY",
  "UNTRUSTED_CERTIFICATE",
]);

/** Converts a WebSocket close to an error. @param reason `CODE: message` if the gateway closed the connection */
export function errorFromClose(closeCode: number, reason: string): StreamerError {
  const body = readReason(reason);
  return new StreamerError(
    body.code ?? "CONNECTION_LOST",
    body.message || `the connection closed (${closeCode})`,
    {
      closeCode,
      retryable: !FINAL_CLOSE_CODES.has(closeCode),
    },
  );
}

/**
 * Converts an HTTP response other than 2xx to an error.
 *
 * @param where URL of the request
 * @param body the response body; JSON if the gateway sent it
 */
export function errorFromResponse(where: string, status: number, body: string): StreamerError {
  const parsed = parseBody(body);
  return new StreamerError(
    parsed.code ?? "REFUSED",
    parsed.message || `${withoutQuery(where)} responded with status ${status}`,
    {
      status,
      retryable: (status >= 500 && !FINAL_STATUSES.has(status)) || RETRYABLE_STATUSES.has(status),
    },
  );
}

/** Converts the response to a rejected WebSocket handshake to an error. */
export function errorFromHandshake(where: string, status: number, body: string): StreamerError {
  const error = errorFromResponse(where, status, body);
  if (error.code !== "REFUSED") return error;
  const { retryable } = error;
  return new StreamerError("REFUSED", `${error.message} instead of opening a WebSocket`, {
    status,
    retryable,
  });
}

const withoutQuery = (url: string) => url.replace(/\?.*$/, "");

/** Message of Node's `fetch` for the ports of other protocols, such as 6000, which browsers block too (Fetch standard, "port blocking"). */
const BLOCKED_PORT = "bad port";

/** Codes of Node for certificates that it does not accept (OpenSSL's X509_V_ERR names, and Node's own for the host name). */
const UNTRUSTED =
  /^(?:CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT_ALTNAME)/;

/**
 * Codes of Node's HTTP parser for a response that is not HTTP; the errors of `fetch` in Node 24 have only a name. A response that is cut off
 * (EOF) may be the gateway's.
 */
// cspell:ignore HTTPP
const NOT_HTTP = /^(HTTPP|HPE_)(?!INVALID_EOF)/;

/** Characters of such a response in an error. */
const SHOWN = 60;

/** Message of OpenSSL for a server that does not respond over TLS. */
const NOT_TLS = /wrong version number|packet length too long|record layer failure/;

/** Error for a connection that could not be opened. @param where its URL */
export function unreachable(cause: unknown, where = "the gateway"): StreamerError {
  const reason = rootMessage(cause);
  if (reason === BLOCKED_PORT)
    return finalError("BAD_URL", "the gateway's URL has a port that fetch blocks; use another port", cause);
  const code = codeOf(cause);
  if (UNTRUSTED.test(code))
    return finalError(
      "UNTRUSTED_CERTIFICATE",
      `the certificate of the gateway is not trusted: ${reason}`,
      cause,
    );
  if (NOT_HTTP.test(code)) return notAGateway(where, `responded with ${receivedText(cause, reason)}`, cause);
  if (NOT_TLS.test(reason)) return notAGateway(where, `does not respond over TLS: ${reason}`, cause);
  return new StreamerError("UNREACHABLE", `cannot connect: ${reason}`, {
    retryable: true,
    cause,
  });
}

/** Returns what Node's HTTP parser could not parse, up to its first line end, or the parser's reason. */
function receivedText(error: unknown, reason: string): string {
  if (!(error instanceof Error)) return reason;
  if (error.cause instanceof Error) return receivedText(error.cause, reason);
  const packet = "rawPacket" in error ? error.rawPacket : "data" in error ? error.data : undefined;
  if (typeof packet !== "string" && !(packet instanceof Uint8Array))
    return `a response that is not HTTP: ${reason}`;
  const text = typeof packet === "string" ? packet : new TextDecoder().decode(packet);
  const [line = ""] = text.split(/\r?\n/, 1);
  return `${JSON.stringify(line.slice(0, SHOWN))}, which is not HTTP`;
}

/** Error for a server that responds in another protocol. A retry would receive the same response. */
export const notAGateway = (where: string, problem: string, cause: unknown): StreamerError =>
  finalError("NOT_A_GATEWAY", `${withoutQuery(where)} ${problem}`, cause);

/** Error that a retry cannot fix. */
export const finalError = (code: StreamerErrorCode, message: string, cause?: unknown): StreamerError =>
  new StreamerError(code, message, { retryable: false, cause });

/** Error for a message that violates docs/protocol.md. A retry would receive the same message. */
export const badMessage = (problem: string, cause?: unknown): StreamerError =>
  finalError("BAD_MESSAGE", `the gateway sent ${problem}`, cause);

/**
 * Error for entries that were sent but not acknowledged before the connection closed. They may or may not be stored.
 * Sending them again could store them twice, so the client leaves that decision to the caller.
 *
 * @param cause why the connection closed
 */
export const appendUnknown = (cause: unknown): StreamerError =>
  new StreamerError(
    "APPEND_UNKNOWN",
    `not acknowledged before the connection closed; may or may not be stored: ${rootMessage(cause)}`,
    {
      retryable: false,
      cause,
      ...(cause instanceof StreamerError && cause.closeCode !== undefined && { closeCode: cause.closeCode }),
    },
  );

interface ErrorBody {
  readonly code?: string;
  readonly message: string;
}

function readReason(reason: string): ErrorBody {
  const [, code, message] = /^([A-Z][A-Z_]+)(?:: ?|$)(.*)$/s.exec(reason) ?? [];
  return code === undefined ? { message: reason } : { code, message: message || code };
}

function parseBody(body: string): ErrorBody {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { message: "" };
  }
  return readErrorBody(parsed);
}

/** Reads `{"error": "<message>", "code": "<CODE>"}`. Either member may be missing. */
export function readErrorBody(value: unknown): ErrorBody {
  if (typeof value !== "object" || value === null) return { message: "" };
  const message = "error" in value && typeof value.error === "string" ? value.error : "";
  return "code" in value && typeof value.code === "string" ? { code: value.code, message } : { message };
}

/** Returns the code of the innermost error, or its name if it has none. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if (error.cause instanceof Error) return codeOf(error.cause);
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

/** Node wraps the reason of a failed connection once per address that it tried. Returns the innermost message. */
function rootMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return rootMessage(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return rootMessage(error.cause);
  if (error.message !== "") return error.message;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

/** Checks of the request head, for every route and WebSocket upgrade (RFC 9110 and 9112). */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { GatewayError } from "../../domain/errors.ts";
import { checkTarget } from "./request-target.ts";

/** Maximum number of header lines. More are an error: dropping one could drop a proxy's `X-Forwarded-For`. */
const MAX_HEADER_LINES = 1000;

/** The transfer coding that Node decodes (RFC 9112, section 7.1). */
const CHUNKED = "chunked";

/** Returns whether a request with these headers has a body (RFC 9112, section 6.3). */
export const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

/**
 * Checks the head of a request.
 *
 * @throws GatewayError HEADERS_TOO_LARGE for too many lines; BAD_REQUEST for an invalid target, or without exactly one
 *   `Host` (RFC 9112, section 3.2); UNSUPPORTED_MEDIA_TYPE for a transfer coding that Node does not decode; EXPECTATION_FAILED for an `Expect` other than `100-continue`
 */
export function checkHead(request: IncomingMessage): void {
  const { headers, rawHeaders, httpVersion } = request;
  if (rawHeaders.length > 2 * MAX_HEADER_LINES)
    throw new GatewayError(
      "HEADERS_TOO_LARGE",
      `a request must have at most ${MAX_HEADER_LINES} header lines, got more`,
    );
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  if (hosts > 1 || (hosts === 0 && httpVersion !== "1.0"))
    throw new GatewayError("BAD_REQUEST", `a request must have one Host header, got ${hosts}`);
  checkTarget(request);
  const coding = headers["transfer-encoding"] ?? CHUNKED;
  if (coding.toLowerCase() !== CHUNKED)
    throw new GatewayError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Transfer-Encoding ${JSON.stringify(coding.slice(0, 40))} is not supported; send the body unencoded, or ${CHUNKED}`,
    );
  const { expect } = headers;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue")
    throw new GatewayError(
      "EXPECTATION_FAILED",
      `Expect must be 100-continue, got ${JSON.stringify(expect.slice(0, 100))}`,
    );
}

/** HTTP requests of the client, with a timeout and typed errors. */
import { errorFromResponse, StreamerError, unreachable } from "../errors.ts";
import { platformFetch } from "../transport/platform-fetch.ts";
import type { Gateway } from "./gateway.ts";
import { currentToken } from "./token.ts";

/** Default timeout of a request, ms. */
const TIMEOUT_MS = 20_000;

/** Body and abort signal of a request. */
export interface RequestOptions {
  /** Request body: if present, the request is a POST of this value as JSON. */
  readonly json?: unknown;
  /** @default GET, or POST with a body */
  readonly method?: "POST" | "DELETE" | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Requested byte range, such as `bytes=0-99`. */
  readonly range?: string | undefined;
  /** @default 20_000 */
  readonly timeoutMs?: number | undefined;
}

/** Response whose body has been read. */
export interface CompleteResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/**
 * Sends a request and reads the complete response.
 *
 * @throws StreamerError if the gateway is unreachable or rejects the request; the signal's reason if it was aborted
 */
export async function request(
  { token, transport }: Pick<Gateway, "token" | "transport">,
  url: string,
  { json, method, signal, range, timeoutMs = TIMEOUT_MS }: RequestOptions = {},
): Promise<CompleteResponse> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const sentToken = await currentToken(token);
    const send = transport.fetch ?? platformFetch;
    const response = await send(url, {
      method: method ?? (json === undefined ? "GET" : "POST"),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      headers: {
        ...(sentToken !== undefined && { authorization: `Bearer ${sentToken}` }),
        ...(range !== undefined && { range }),
        ...(json !== undefined && { "content-type": "application/json" }),
      },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw errorFromResponse(url, response.status, new TextDecoder().decode(body));
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof StreamerError ? error : unreachable(error, url);
  }
}

/** Plain HTTP requests of the client: answered within a time, with errors typed as the server's. */
import { errorFromResponse, StreamerError, unreachable } from "./errors.ts";
import type { Gateway } from "./gateway.ts";
import { tokenNow } from "./token.ts";

/** How long the gateway may take to answer, ms. */
const ANSWER_MS = 20_000;

/** What is sent beside the URL. */
export interface RequestOptions {
  /** Sent as JSON, by POST. */
  readonly json?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** An answer that came whole. */
export interface Answer {
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/**
 * Sends a request and reads the whole answer.
 *
 * @throws StreamerError where the gateway refused or could not be reached; the signal's reason where it was aborted
 */
export async function request(
  { token }: Pick<Gateway, "token">,
  url: string,
  { json, signal }: RequestOptions = {},
): Promise<Answer> {
  const late = AbortSignal.timeout(ANSWER_MS);
  try {
    const shown = await tokenNow(token);
    const response = await fetch(url, {
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      headers: {
        ...(shown !== undefined && { authorization: `Bearer ${shown}` }),
        ...(json !== undefined && { "content-type": "application/json" }),
      },
      ...(json !== undefined && { method: "POST", body: JSON.stringify(json) }),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw errorFromResponse(response.status, new TextDecoder().decode(body));
    return { headers: response.headers, body };
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof StreamerError ? error : unreachable(error);
  }
}

/** API key or token of a client, and its renewal. */
import { StreamerError } from "../errors.ts";

/** A key or token, or a function that returns one. The function is called before each connection, so it can renew the token. */
export type Token = string | (() => string | Promise<string>);

/** Returns the token for the next connection; undefined if there is none. @throws the error of the token function */
export const currentToken = async (token: Token | undefined): Promise<string | undefined> =>
  typeof token === "function" ? token() : token;

/**
 * Marks the error of a closed connection as retryable if a token expired and a function can return a new one.
 */
export function retryWithNewToken(error: unknown, token: Token | undefined): unknown {
  if (typeof token !== "function" || !(error instanceof StreamerError) || error.closeCode !== UNAUTHENTICATED)
    return error;
  return new StreamerError(error.code, error.message, {
    closeCode: UNAUTHENTICATED,
    retryable: true,
    cause: error,
  });
}

/** Close code of UNAUTHENTICATED (docs/protocol.md, "Errors"). */
const UNAUTHENTICATED = 4401;

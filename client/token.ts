/** The key or token that a client shows, and what to do when it is no longer good. */
import { StreamerError } from "./errors.ts";

/** A key or token, or how to get one: asked for before each connection, so that none has to outlive its end. */
export type Token = string | (() => string | Promise<string>);

/** The token to show now; undefined where there is none. @throws what getting one throws */
export const tokenNow = async (token: Token | undefined): Promise<string | undefined> =>
  typeof token === "function" ? token() : token;

/**
 * The error that ended a connection. A token that expired on an open connection is reason to come back with a fresh
 * one, where there is a way to get it.
 */
export function endedBy(error: unknown, token: Token | undefined): unknown {
  if (typeof token !== "function" || !(error instanceof StreamerError) || error.closeCode !== EXPIRED)
    return error;
  return new StreamerError(error.code, error.message, { closeCode: EXPIRED, retryable: true, cause: error });
}

/** The close code of UNAUTHENTICATED (wire.md, "Errors"). */
const EXPIRED = 4401;

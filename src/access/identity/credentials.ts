/**
 * Where a secret can stand in a request. Programs use a header; browsers, which can set none on a WebSocket, a
 * subprotocol; pages a cookie, or a ticket in the address of what takes nothing but an address.
 */
import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../../domain/errors.ts";

/** What somebody shows: a key or token, or a ticket. */
export type Credentials =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "ticket"; readonly ticket: string };

/** The part of a request that can hold a secret. */
export interface CredentialSource {
  readonly headers: IncomingHttpHeaders;
  /** The query string, with or without its `?`. */
  readonly search: string;
  /** Whether a page of another origin than the gateway's own asks. */
  readonly isForeignPage: boolean;
}

/** Before a token among the subprotocols of a WebSocket. */
export const BEARER_PROTOCOL = "bearer.";

/** The name of the cookie that `POST /login` makes. */
export const COOKIE = "redis_streamer_token";

/** Longest token looked at, in characters. */
const MOST_TOKEN_CHARACTERS = 16 * 1024;

/**
 * Finds what a request shows of who sends it. A header goes before a ticket, a ticket before a cookie.
 *
 * @returns undefined where it shows nothing
 * @throws GatewayError UNAUTHENTICATED where it shows something that can be no key or token
 */
export function credentialsOf({ headers, search, isForeignPage }: CredentialSource): Credentials | undefined {
  const token =
    fromAuthorization(headers.authorization) ?? single(headers["x-api-key"]) ?? fromProtocol(headers);
  if (token !== undefined) return { kind: "token", token: plausible(token) };
  const ticket = search.includes("ticket=") ? new URLSearchParams(search).get("ticket") : null;
  if (ticket !== null && ticket !== "") return { kind: "ticket", ticket: plausible(ticket) };
  // A browser adds the cookie whoever asks: only the gateway's own pages may count on it.
  const cookie = isForeignPage || isCrossOrigin(headers) ? undefined : fromCookie(headers.cookie);
  return cookie === undefined ? undefined : { kind: "token", token: plausible(cookie) };
}

function fromAuthorization(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, token] = /^bearer +(\S+) *$/i.exec(header) ?? [];
  if (token !== undefined) return token;
  throw new GatewayError("UNAUTHENTICATED", "Authorization wants to be: Bearer <key or token>");
}

const single = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" && header !== "" ? header : undefined;

function fromProtocol(headers: IncomingHttpHeaders): string | undefined {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((one) => one.trim());
  return offered?.find((one) => one.startsWith(BEARER_PROTOCOL))?.slice(BEARER_PROTOCOL.length);
}

function fromCookie(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === COOKIE) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}

/** Fetch Metadata: a port of its own is another origin, though cookies do not know ports. */
function isCrossOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined && site !== "same-origin" && site !== "none";
}

/** Keys, tokens and tickets are made of these characters, so they pass through headers, cookies and subprotocols. */
function plausible(token: string): string {
  if (token.length <= MOST_TOKEN_CHARACTERS && /^[\w.~+/=-]+$/.test(token)) return token;
  throw new GatewayError("UNAUTHENTICATED", "that is no key or token");
}

/**
 * Finds the credentials in a request. Programs send a header; browsers, which cannot set headers on a WebSocket, send a
 * subprotocol; pages send a cookie, or a ticket in the URL where only a URL can be set (`<img>`, `EventSource`).
 */
import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../../domain/errors.ts";

/** Credentials of a client: a key or token, a link key, or a ticket. */
export type Credentials =
  | { readonly kind: "link"; readonly key: string }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "ticket"; readonly ticket: string };

/** The parts of a request that can carry credentials. */
export interface CredentialSource {
  readonly headers: IncomingHttpHeaders;
  /** The query string, with or without its `?`. */
  readonly search: string;
  /** Whether the route accepts a link key in its URL. */
  readonly acceptsLinkKey: boolean;
  /** Whether the request is from a page of an origin other than the gateway's own. */
  readonly isForeignPage: boolean;
}

/** Prefix of a token among the subprotocols of a WebSocket. */
export const BEARER_PROTOCOL = "bearer.";

/** Name of the cookie that `POST /login` sets. */
export const COOKIE = "redis_streamer_token";

/** Maximum length of a token, in characters. */
const MAX_TOKEN_CHARACTERS = 16 * 1024;

/**
 * Returns the credentials of a request. A header takes precedence over a link key or a ticket, and these over a cookie.
 *
 * @returns undefined if the request has no credentials
 * @throws GatewayError UNAUTHENTICATED if they are not well-formed
 */
export function credentialsOf({
  headers,
  search,
  acceptsLinkKey,
  isForeignPage,
}: CredentialSource): Credentials | undefined {
  const token =
    fromAuthorization(headers.authorization) ?? single(headers["x-api-key"]) ?? fromProtocol(headers);
  if (token !== undefined) return { kind: "token", token: checkForm(token) };
  const key = acceptsLinkKey ? inQuery(search, "key") : undefined;
  if (key !== undefined) return { kind: "link", key: checkForm(key) };
  const ticket = inQuery(search, "ticket");
  if (ticket !== undefined) return { kind: "ticket", ticket: checkForm(ticket) };
  // Browsers send the cookie with requests from any page; accept it only from the gateway's own pages.
  const cookie = isForeignPage || isCrossOrigin(headers) ? undefined : fromCookie(headers.cookie);
  return cookie === undefined ? undefined : { kind: "token", token: checkForm(cookie) };
}

function fromAuthorization(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, token] = /^bearer +(\S+) *$/i.exec(header) ?? [];
  if (token !== undefined) return token;
  throw new GatewayError("UNAUTHENTICATED", "Authorization must be: Bearer <key or token>");
}

const single = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" && header !== "" ? header : undefined;

function inQuery(search: string, name: string): string | undefined {
  const value = search.includes(`${name}=`) ? new URLSearchParams(search).get(name) : null;
  return value === null || value === "" ? undefined : value;
}

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

/** Checks Fetch Metadata: cookies are shared between ports, but another port is another origin. */
function isCrossOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined && site !== "same-origin" && site !== "none";
}

/** Keys, tokens and tickets consist of these characters, which are valid in headers, cookies and subprotocols. */
function checkForm(token: string): string {
  if (token.length <= MAX_TOKEN_CHARACTERS && /^[\w.~+/=-]+$/.test(token)) return token;
  throw new GatewayError("UNAUTHENTICATED", "the credentials are not a valid key, token or ticket");
}

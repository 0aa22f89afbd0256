/** Forms of a request target (RFC 9112, section 3.2): a path, an absolute URL as sent to a proxy, or `*` of `OPTIONS`. */
import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../domain/errors.ts";
import { shown } from "../../domain/shown.ts";

/** An http URL with a host and without user information, which a recipient must reject (RFC 9110, section 4.2.4). */
const ABSOLUTE = /^https?:\/\/([^/?#@]+)($|[/?].*)$/i;

/**
 * Converts an absolute target to its path, and replaces the `Host` header by its host (RFC 9112, section 3.2.2). Otherwise
 * `GET http://evil.example/ HTTP/1.1` would pass the checks of hosts and origins with another `Host`. An invalid target is
 * kept, and `checkTarget` rejects it.
 */
export function resolveTarget(request: IncomingMessage): void {
  const { url = "/" } = request;
  if (url.startsWith("/")) return;
  const [, host, path = ""] = ABSOLUTE.exec(url) ?? [];
  if (host === undefined || !URL.canParse(`http://${host}`)) return;
  request.headers.host = host;
  request.url = path.startsWith("/") ? path : `/${path}`;
}

/** Rejects a target that is neither a path nor `*` of `OPTIONS`, after `resolveTarget`. @throws GatewayError BAD_REQUEST */
export function checkTarget({ url = "/", method }: IncomingMessage): void {
  if (!url.startsWith("/") && !(url === "*" && method === "OPTIONS")) throw invalidTarget(url);
}

/** Returns the error of an invalid target. */
export const invalidTarget = (url: string): GatewayError =>
  new GatewayError(
    "BAD_REQUEST",
    `the request target must be a path, or an http URL with a host and without a user, got ${shown(url)}`,
  );

/**
 * Whom a browser may speak for. A page of another site can make the browser of a developer send requests to a gateway
 * on that developer's machine; without these checks it could read cameras and push entries.
 *
 * `Origin` says which page asks: only the gateway's own and local pages may, unless allowed. `Host` says by which name
 * the gateway was found: a foreign name that resolves to 127.0.0.1 is a page playing "own origin" (DNS rebinding).
 */
import { isIPv6 } from "node:net";
import { GatewayError } from "../domain/errors.ts";

/** What the guard goes by. */
export interface BrowserGuardOptions {
  /** `ALLOWED_ORIGINS`; `*` allows all. */
  readonly allowedOrigins: readonly string[];
  /** `ALLOWED_HOSTS`, with or without ports; `*` allows all. A list that is set is enforced on every listen address. */
  readonly allowedHosts: readonly string[];
  /** The listen address. Without `ALLOWED_HOSTS`, loopback accepts only local names, and the network any name. */
  readonly listenHost: string;
}

/** What of a request is looked at. */
export interface BrowserRequest {
  readonly origin: string | undefined;
  readonly host: string | undefined;
  /** `Sec-Fetch-Site` and `Sec-Fetch-Mode` (W3C Fetch Metadata), by which browsers tell of requests without an origin. */
  readonly fetchSite?: string | undefined;
  readonly fetchMode?: string | undefined;
  readonly referer?: string | undefined;
}

/** Refuses what a hostile page sends. */
export interface BrowserGuard {
  /** @throws GatewayError FORBIDDEN_HOST or FORBIDDEN_ORIGIN */
  check(request: BrowserRequest): void;
  /** Whether pages of an origin may read answers. */
  allowsOrigin(origin: string, host: string | undefined): boolean;
  /** Whether an origin is the gateway's own, by the name that it was asked by. */
  isOwnOrigin(origin: string, host: string | undefined): boolean;
}

/** Whether a host name, without port, is this machine's own. */
export const isLoopback = (name: string): boolean =>
  /^(?:(?:[^\n]+\.)?localhost|::1|\[::1\]|127(?:\.\d{1,3}){3})$/i.test(name);

/** Makes a guard. */
export function createBrowserGuard({
  allowedOrigins,
  allowedHosts,
  listenHost,
}: BrowserGuardOptions): BrowserGuard {
  const anyOrigin = allowedOrigins.includes("*");
  const origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  const hosts = new Set(allowedHosts.map(hostName));
  // On the network any name may be the right one, unless the operator listed the right ones.
  const anyHost = hosts.has("*") || (hosts.size === 0 && !isLoopback(listenHost));

  function allowsOrigin(origin: string, host: string | undefined): boolean {
    if (anyOrigin || origins.has(origin.toLowerCase())) return true;
    const url = webUrl(origin);
    return url !== undefined && (isLoopback(url.hostname) || isOwnOrigin(origin, host));
  }

  function isOwnOrigin(origin: string, host: string | undefined): boolean {
    const url = webUrl(origin);
    return url !== undefined && host !== undefined && url.host === hostOf(url.protocol, host);
  }

  return {
    allowsOrigin,
    isOwnOrigin,
    check({ origin, host, fetchSite, fetchMode, referer }) {
      const name = hostName(host);
      if (!anyHost && name !== undefined && !isLoopback(name) && !hosts.has(name))
        throw new GatewayError(
          "FORBIDDEN_HOST",
          `host ${name} is not this gateway's; ALLOWED_HOSTS can name it`,
        );
      // What is in an <img> or <script> comes without an origin. A link may come from anywhere: somebody follows it.
      const isPartOfPage = origin === undefined && fetchSite === "cross-site" && fetchMode !== "navigate";
      if (isPartOfPage && !anyOrigin && !allowsOrigin(webUrl(referer ?? "")?.origin ?? "", host))
        throw new GatewayError(
          "FORBIDDEN_ORIGIN",
          "pages of other sites may not use this gateway; ALLOWED_ORIGINS can name them",
        );
      if (origin !== undefined && !allowsOrigin(origin, host))
        throw new GatewayError(
          "FORBIDDEN_ORIGIN",
          `pages of ${origin} may not use this gateway; ALLOWED_ORIGINS can name them`,
        );
    },
  };
}

function webUrl(origin: string): URL | undefined {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** A `Host` as a URL of a scheme writes it: in lower case, and without the scheme's own port. */
const hostOf = (protocol: string, host: string): string | undefined =>
  URL.canParse(`${protocol}//${host}`) ? new URL(`${protocol}//${host}`).host : undefined;

/** The name in a `Host`, without its port, as a URL spells it; an IPv6 address has brackets. */
function hostName(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const name = isIPv6(host) ? `[${host}]` : host;
  return URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : name.toLowerCase();
}

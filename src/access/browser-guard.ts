/**
 * Browser guard: rejects requests that pages of other sites send through a user's browser. Without these checks, any page
 * that a developer visits could read cameras from, and push entries to, a gateway on the developer's machine.
 *
 * `Origin` names the page that sends the request: only the gateway's own pages and local pages are allowed by default.
 * `Host` is the name under which the browser found the gateway: a foreign name that resolves to 127.0.0.1 would make a
 * hostile page same-origin (DNS rebinding).
 */
import { isIPv6 } from "node:net";
import { GatewayError } from "../domain/errors.ts";

/** Settings of the guard. */
export interface BrowserGuardOptions {
  /** `ALLOWED_ORIGINS`; `*` allows all. */
  readonly allowedOrigins: readonly string[];
  /** `ALLOWED_HOSTS`, with or without ports; `*` allows all. A list that is set is enforced on every listen address. */
  readonly allowedHosts: readonly string[];
  /** Address at which the gateway listens (`HOST`). Without `ALLOWED_HOSTS`, loopback accepts only local names, and the network any name. */
  readonly listenHost: string;
}

/** Headers that the guard checks. */
export interface BrowserRequest {
  readonly origin: string | undefined;
  readonly host: string | undefined;
  /** `Sec-Fetch-Site` and `Sec-Fetch-Mode` (W3C Fetch Metadata), which browsers send without `Origin`, too. */
  readonly fetchSite?: string | undefined;
  readonly fetchMode?: string | undefined;
  readonly referer?: string | undefined;
}

/** Rejects the requests of hostile pages. */
export interface BrowserGuard {
  /** @throws GatewayError FORBIDDEN_HOST or FORBIDDEN_ORIGIN */
  check(request: BrowserRequest): void;
  /** Returns whether pages of an origin may read responses. */
  allowsOrigin(origin: string, host: string | undefined): boolean;
  /** Returns whether an origin is the gateway's own, given the `Host` of the request. */
  isOwnOrigin(origin: string, host: string | undefined): boolean;
}

/** Returns whether a host name, without port, is a loopback name. */
export const isLoopback = (name: string): boolean =>
  /^(?:(?:[^\n]+\.)?localhost|::1|\[::1\]|127(?:\.\d{1,3}){3})$/i.test(name);

/** Creates a guard. */
export function createBrowserGuard({
  allowedOrigins,
  allowedHosts,
  listenHost,
}: BrowserGuardOptions): BrowserGuard {
  const anyOrigin = allowedOrigins.includes("*");
  const origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  const hosts = new Set(allowedHosts.map(hostName));
  // A gateway on the network cannot know its names, so it accepts any unless ALLOWED_HOSTS is set.
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
          `host ${name} is not allowed; add it to ALLOWED_HOSTS to allow it`,
        );
      // Browsers request <img> and <script> without an origin. Navigation is allowed from any site: the user clicked a link.
      const isPartOfPage = origin === undefined && fetchSite === "cross-site" && fetchMode !== "navigate";
      if (isPartOfPage && !anyOrigin && !allowsOrigin(webUrl(referer ?? "")?.origin ?? "", host))
        throw new GatewayError(
          "FORBIDDEN_ORIGIN",
          "pages of other sites are not allowed; add their origin to ALLOWED_ORIGINS to allow them",
        );
      if (origin !== undefined && !allowsOrigin(origin, host))
        throw new GatewayError(
          "FORBIDDEN_ORIGIN",
          `pages of ${origin} are not allowed; add the origin to ALLOWED_ORIGINS to allow them`,
        );
    },
  };
}

function webUrl(origin: string): URL | undefined {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Normalizes a `Host` for a scheme: lower case, without the scheme's default port. */
const hostOf = (protocol: string, host: string): string | undefined =>
  URL.canParse(`${protocol}//${host}`) ? new URL(`${protocol}//${host}`).host : undefined;

/** Returns the name in a `Host` without its port, normalized as in a URL: an IPv6 address has brackets. */
function hostName(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const name = isIPv6(host) ? `[${host}]` : host;
  return URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : name.toLowerCase();
}

/** Address of a Redis server, parsed from `REDIS_URL`. */
import { isIP } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";

/** One Redis server. */
export interface RedisAddress {
  /** Path of a unix socket, or host and port. */
  readonly target: { readonly path: string } | { readonly host: string; readonly port: number };
  /** Present for TLS connections (`rediss://`). */
  readonly tls?: TlsOptions;
  readonly username?: string;
  readonly password?: string;
  /** Database number (Redis: `SELECT`). */
  readonly database: number;
}

/**
 * Reads a Redis URL: `redis://user:password@host:port/database`, `rediss://…`, `unix:///path?db=1`, or a bare path.
 *
 * @param tls TLS options for `rediss://`
 * @throws Error that describes the problem without the password
 */
export function parseRedisUrl(text: string, tls: TlsOptions = {}): RedisAddress {
  if (text.startsWith("/")) return { target: { path: text }, database: 0 };
  // Checked first: the error that URL throws includes the text with the password.
  if (!URL.canParse(text)) throw new Error("REDIS_URL is not a valid URL: it must be like redis://host:port");
  if (!text.includes("://") && /^rediss?:/i.test(text))
    throw new Error("REDIS_URL is not a valid URL: it must be like redis://host:port");
  const url = new URL(text);
  const credentials = {
    ...(url.username !== "" && { username: decoded(url.username, "user") }),
    ...(url.password !== "" && { password: decoded(url.password, "password") }),
  };
  const host = url.hostname === "" ? "127.0.0.1" : url.hostname.replace(/^\[(.*)\]$/, "$1");
  switch (url.protocol) {
    case "unix:":
    case "redis+unix:":
      return {
        target: { path: pathOf(url) },
        ...credentials,
        database: databaseOf(url.searchParams.get("db") ?? ""),
      };
    case "redis:":
    case "rediss:":
      return {
        target: { host, port: portOf(url, 6379) },
        ...(url.protocol === "rediss:" && { tls: tlsAt(host, tls) }),
        ...credentials,
        database: databaseOf(url.pathname.slice(1)),
      };
    default:
      throw new Error(`REDIS_URL must use redis://, rediss:// or unix://, got ${url.protocol}`);
  }
}

/** TLS options for a host. The server name selects the certificate; an address is not a server name (RFC 6066, section 3). */
export function tlsAt(host: string, { servername: _, ...tls }: TlsOptions): TlsOptions {
  return isIP(host) === 0 ? { ...tls, servername: host } : tls;
}

/** Decodes a percent-encoded part of a URL. @throws Error that names the part */
export function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`REDIS_URL has a ${what} that is not percent-encoded UTF-8`);
  }
}

/** Returns the port of a URL. @throws Error for port 0, which no server listens on */
export function portOf({ port }: URL, fallback: number): number {
  if (port === "") return fallback;
  if (Number(port) === 0) throw new Error("REDIS_URL must have ports from 1 to 65535, got 0");
  return Number(port);
}

function pathOf({ pathname }: URL): string {
  if (pathname === "" || pathname === "/")
    throw new Error("REDIS_URL must name a socket, like unix:///path/to/socket");
  return decoded(pathname, "path");
}

function databaseOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text))
    throw new Error(`REDIS_URL must end with a database number, got "${text.slice(0, 60)}"`);
  return Number(text);
}

/** Describes a host and port for logs. */
export const describeHost = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** Describes an address for logs, without credentials. */
export function describeAddress({ target, tls, database }: RedisAddress): string {
  const suffix = database === 0 ? "" : `/${database}`;
  if ("path" in target) return `unix:${target.path}${suffix}`;
  return `${tls ? "rediss" : "redis"}://${describeHost(target)}${suffix}`;
}

/** Where a Redis is and how to come in, read from `REDIS_URL`. */
import { isIP } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";

/** One Redis server. */
export interface RedisAddress {
  /** A unix socket's path, or a host and port. */
  readonly target: { readonly path: string } | { readonly host: string; readonly port: number };
  /** Present where the connection is by TLS (`rediss://`). */
  readonly tls?: TlsOptions;
  readonly username?: string;
  readonly password?: string;
  /** The database's number (Redis: `SELECT`). */
  readonly database: number;
}

/**
 * Reads a Redis URL: `redis://user:password@host:port/database`, `rediss://…`, `unix:///path?db=1`, or a bare path.
 *
 * @param tls how a server of `rediss://` is checked, and what it is shown
 * @throws Error with a sentence that says what is wrong, without the password
 */
export function parseRedisUrl(text: string, tls: TlsOptions = {}): RedisAddress {
  if (text.startsWith("/")) return { target: { path: text }, database: 0 };
  // Asked first: the error that URL throws carries the text, and so the password, into the log.
  if (!URL.canParse(text)) throw new Error("REDIS_URL is no URL: redis://host:port is one");
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
        target: { path: decoded(url.pathname, "path") },
        ...credentials,
        database: databaseOf(url.searchParams.get("db") ?? ""),
      };
    case "redis:":
    case "rediss:":
      return {
        target: { host, port: url.port === "" ? 6379 : Number(url.port) },
        ...(url.protocol === "rediss:" && { tls: tlsAt(host, tls) }),
        ...credentials,
        database: databaseOf(url.pathname.slice(1)),
      };
    default:
      throw new Error(`REDIS_URL is no URL of Redis: ${url.protocol}`);
  }
}

/** How TLS is spoken with a host. The name says which of its certificates it shows; an address is no name (RFC 6066, section 3). */
export function tlsAt(host: string, { servername: _, ...tls }: TlsOptions): TlsOptions {
  return isIP(host) === 0 ? { ...tls, servername: host } : tls;
}

/** A percent-encoded part of a URL. @throws Error that says which one is none */
export function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`REDIS_URL has a ${what} that is not percent-encoded UTF-8`);
  }
}

function databaseOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`"${text}" is no number of a Redis database`);
  return Number(text);
}

/** A host and port for people. */
export const describeHost = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** The address for people: without user and password. */
export function describeAddress({ target, tls, database }: RedisAddress): string {
  const suffix = database === 0 ? "" : `/${database}`;
  if ("path" in target) return `unix:${target.path}${suffix}`;
  return `${tls ? "rediss" : "redis"}://${describeHost(target)}${suffix}`;
}

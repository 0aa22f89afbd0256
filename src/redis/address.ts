/** Where a Redis is and how to come in, read from `REDIS_URL`. */
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
 * @throws Error with a sentence that says what is wrong, without the password
 */
export function parseRedisUrl(text: string): RedisAddress {
  if (text.startsWith("/")) return { target: { path: text }, database: 0 };
  const url = new URL(text);
  const credentials = {
    ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
    ...(url.password !== "" && { password: decodeURIComponent(url.password) }),
  };
  if (url.protocol === "unix:" || url.protocol === "redis+unix:") {
    return {
      target: { path: decodeURIComponent(url.pathname) },
      ...credentials,
      database: databaseOf(url.searchParams.get("db") ?? ""),
    };
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    target: { host: host === "" ? "127.0.0.1" : host, port: url.port === "" ? 6379 : Number(url.port) },
    ...(url.protocol === "rediss:" && { tls: { servername: host } }),
    ...credentials,
    database: databaseOf(url.pathname.slice(1)),
  };
}

function databaseOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`"${text}" is no number of a Redis database`);
  return Number(text);
}

/** The address for people: without user and password. */
export function describeAddress({ target, tls, database }: RedisAddress): string {
  const place = "path" in target ? target.path : `${target.host}:${target.port}`;
  return `${"path" in target ? "unix:" : tls ? "rediss://" : "redis://"}${place}${database === 0 ? "" : `/${database}`}`;
}

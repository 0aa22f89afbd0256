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
  // Asked first: the error that URL throws carries the text, and so the password, into the log.
  if (!URL.canParse(text)) throw new Error("REDIS_URL is no URL: redis://host:port is one");
  const url = new URL(text);
  const credentials = {
    ...(url.username !== "" && { username: decoded(url.username, "user") }),
    ...(url.password !== "" && { password: decoded(url.password, "password") }),
  };
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
        target: {
          host: url.hostname === "" ? "127.0.0.1" : url.hostname.replace(/^\[(.*)\]$/, "$1"),
          port: url.port === "" ? 6379 : Number(url.port),
        },
        // Nothing more: the name that the server has to prove is the host, and an address is no name (RFC 6066).
        ...(url.protocol === "rediss:" && { tls: {} }),
        ...credentials,
        database: databaseOf(url.pathname.slice(1)),
      };
    default:
      throw new Error(`REDIS_URL is no URL of Redis: ${url.protocol}`);
  }
}

function decoded(text: string, what: string): string {
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

/** The address for people: without user and password. */
export function describeAddress({ target, tls, database }: RedisAddress): string {
  const suffix = database === 0 ? "" : `/${database}`;
  if ("path" in target) return `unix:${target.path}${suffix}`;
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return `${tls ? "rediss" : "redis"}://${host}:${target.port}${suffix}`;
}

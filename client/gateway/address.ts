/** Address of a gateway and the URLs of its routes (docs/protocol.md). */
import { finalError } from "../errors.ts";

/** Query parameters by name. Undefined values are omitted. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Builds the URLs of a gateway. */
export interface Address {
  /** Returns the URL of an HTTP request. @param path percent-encoded, without a leading slash */
  http(path: string, query: Query): string;
  /** Returns the URL of a WebSocket. @param path percent-encoded, without a leading slash */
  socket(path: string, query: Query): string;
}

/**
 * Parses the URL of a gateway. A path in the URL is kept, because a reverse proxy may serve the gateway under one.
 *
 * @param url `http:`, `https:`, `ws:` or `wss:`
 * @throws StreamerError BAD_URL
 */
export function parseAddress(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const [scheme, secure] = /^(?:http|ws)(s?):$/.exec(parsed?.protocol ?? "") ?? [];
  if (parsed === undefined || scheme === undefined) {
    const message = `the gateway's URL must start with http:, https:, ws: or wss:, got "${url}"`;
    throw finalError("BAD_URL", message);
  }
  if (parsed.port === "0")
    throw finalError("BAD_URL", `the gateway's URL must have a port from 1 to 65535, got "${url}"`);
  const rest = `${secure}://${parsed.host}${parsed.pathname.replace(/\/+$/, "")}`;
  return {
    http: (path, query) => `http${rest}/${path}${queryText(query)}`,
    socket: (path, query) => `ws${rest}/${path}${queryText(query)}`,
  };
}

/**
 * Returns the path segment for names: percent-encoded and joined by `+`. A `+` inside a name is encoded as `%2B`.
 *
 * @param what has the names, for the error
 * @throws StreamerError BAD_PARAMETER for an empty name, and for "." and "..", which URLs resolve as relative segments
 */
export function pathSegment(names: readonly string[], what = "stream"): string {
  const segment = names.map(encodeURIComponent).join("+");
  if (!names.includes("") && segment !== "" && segment !== "." && segment !== "..") return segment;
  throw finalError("BAD_PARAMETER", `a ${what} name must not be empty, "." or "..", got "${segment}"`);
}

/**
 * Adds the streams to exclude to a URL with a query. Their names are joined by an unescaped plus, as in the path.
 *
 * @param exclude names joined by `+`, or a list
 */
export function excluding(url: string, exclude: string | readonly string[] = []): string {
  const excluded = typeof exclude === "string" ? exclude.split("+") : exclude;
  return excluded.length === 0 ? url : `${url}&exclude=${pathSegment(excluded)}`;
}

function queryText(query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined)
      params.set(name, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

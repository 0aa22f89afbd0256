/** Where a gateway is, and the URLs of its routes (wire.md). */
import { StreamerError } from "./errors.ts";

/** Query parameters, spelled as in wire.md; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Makes the URLs of a gateway. */
export interface Address {
  /** As a person would write it. */
  readonly text: string;
  /** The URL of a plain request. @param path without a slash at its start, percent-encoded */
  http(path: string, query: Query): string;
  /** The URL of a WebSocket. @param path without a slash at its start, percent-encoded */
  socket(path: string, query: Query): string;
}

const SCHEMES: Readonly<Record<string, readonly [http: string, socket: string]>> = {
  "http:": ["http:", "ws:"],
  "ws:": ["http:", "ws:"],
  "https:": ["https:", "wss:"],
  "wss:": ["https:", "wss:"],
};

/**
 * Reads the URL of a gateway. A path in it is kept: a gateway may stand behind one.
 *
 * @param url `http:`, `https:`, `ws:` or `wss:`
 * @throws StreamerError BAD_URL
 */
export function parseAddress(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const schemes = SCHEMES[parsed?.protocol ?? ""];
  if (parsed === undefined || schemes === undefined) {
    const message = `the gateway's URL wants to be like http://127.0.0.1:8000, not "${url}"`;
    throw new StreamerError("BAD_URL", message, { retryable: false });
  }
  const rest = `//${parsed.host}${parsed.pathname.replace(/\/+$/, "")}`;
  const [http, socket] = schemes;
  return {
    text: http + rest,
    http: (path, query) => `${http}${rest}/${path}${queryText(query)}`,
    socket: (path, query) => `${socket}${rest}/${path}${queryText(query)}`,
  };
}

/**
 * Returns the path segment that names streams: joined by `+`, with everything else percent-encoded, a literal plus too.
 *
 * @throws StreamerError BAD_PARAMETER for an empty name, and for "." and "..", which URLs resolve as path segments
 */
export function streamsSegment(streams: readonly string[]): string {
  const segment = streams.map(encodeURIComponent).join("+");
  if (!streams.includes("") && segment !== "" && segment !== "." && segment !== "..") return segment;
  const message = `"${segment}" is not a stream name that a URL can carry`;
  throw new StreamerError("BAD_PARAMETER", message, { retryable: false });
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

/** Entry point of the client in Node: `import { connect } from "redis-streamer/client"`. `browser.ts` is the one for browsers. */
import { type ConnectOptions, createStreamer, type Streamer } from "./streamer.ts";
import { createNodeTransport } from "./transport/node.ts";

/** Options of a client in Node. */
export interface NodeConnectOptions extends ConnectOptions {
  /** Certificate authorities in PEM that are trusted besides the well-known ones, for a gateway with its own certificate. */
  readonly ca?: string | readonly string[] | undefined;
}

/**
 * Creates a client of a gateway. It opens no connection yet.
 *
 * @param url `http:`, `https:`, `ws:` or `wss:`, such as `http://127.0.0.1:8000`
 * @throws StreamerError BAD_URL
 */
export const connect = (url: string, { ca = [], ...options }: NodeConnectOptions = {}): Streamer =>
  createStreamer(createNodeTransport(typeof ca === "string" ? [ca] : ca), url, options);

export * from "./public.ts";

/** Entry point of the client in browsers: bundlers resolve `redis-streamer/client` to this file. */
import { type ConnectOptions, createStreamer, type Streamer } from "./streamer.ts";
import { browserTransport } from "./transport/browser.ts";

/**
 * Creates a client of a gateway. It opens no connection yet.
 *
 * @param url `http:`, `https:`, `ws:` or `wss:`, such as `location.origin`
 * @throws StreamerError BAD_URL
 */
export const connect = (url: string, options: ConnectOptions = {}): Streamer =>
  createStreamer(browserTransport, url, options);

export * from "./public.ts";

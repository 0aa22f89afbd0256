/** The client in browsers: what a bundler takes for `redis-streamer/client`. `index.ts` is the same for Node. */
import { type ConnectOptions, createStreamer, type Streamer } from "./streamer.ts";
import { browserTransport } from "./transport/browser.ts";

/**
 * Makes a client of a gateway. Nothing is connected yet.
 *
 * @param url `http:`, `https:`, `ws:` or `wss:`, such as `location.origin`
 * @throws StreamerError BAD_URL
 */
export const connect = (url: string, options: ConnectOptions = {}): Streamer =>
  createStreamer(browserTransport, url, options);

export * from "./public.ts";

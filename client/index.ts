/** Entry point of the client in Node: `import { connect } from "redis-streamer/client"`. `browser.ts` is the one for browsers. */
import { type ConnectOptions, createStreamer, type Streamer } from "./streamer.ts";
import { nodeTransport } from "./transport/node.ts";

/**
 * Creates a client of a gateway. It opens no connection yet.
 *
 * @param url `http:`, `https:`, `ws:` or `wss:`, such as `http://127.0.0.1:8000`
 * @throws StreamerError BAD_URL
 */
export const connect = (url: string, options: ConnectOptions = {}): Streamer =>
  createStreamer(nodeTransport, url, options);

export * from "./public.ts";

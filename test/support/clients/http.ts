/** HTTP for tests, on Node's own client: it adds, decodes, follows and retries nothing. */
import {
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as nodeRequest,
} from "node:http";
import { connect, type Socket } from "node:net";

/** Options of a request. */
export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Connection pool; by default each request has its own connection. */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** A complete response. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Alternating names and values, as received. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON. @throws SyntaxError */
  json(): unknown;
}

/** A response whose body is still being received. */
export interface OpenAnswer extends AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Returns the next bytes of the body; undefined at its end. */
  next(): Promise<Buffer | undefined>;
  /** Stops and continues reading from the socket. */
  pause(): void;
  resume(): void;
  /** Closes the connection, as a browser does when it leaves the page. */
  leave(): void;
}

/** Node's client accepts 16 KB of headers by default; `MAX_RESPONSE_HEADER_BYTES` may allow more. */
const MAX_HEADER_BYTES = 128 * 1024;

function send(url: string, { method = "GET", headers = {}, body, agent, signal }: RequestOptions) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = nodeRequest(
      url,
      { method, headers, agent: agent ?? false, maxHeaderSize: MAX_HEADER_BYTES, ...(signal && { signal }) },
      resolve,
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Sends a request and reads the whole response. */
export async function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  const response = await send(url, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body,
    text: body.toString(),
    json: () => JSON.parse(body.toString()),
  };
}

/** Sends a request whose response does not end by itself. */
export async function openAnswer(url: string, headers: Record<string, string> = {}): Promise<OpenAnswer> {
  const response = await send(url, { headers });
  const chunks = response[Symbol.asyncIterator]();
  // The test checks for a truncated body, so an unhandled error event must not throw.
  response.on("error", () => undefined);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    async next() {
      const { value, done } = await chunks.next();
      return done ? undefined : value;
    },
    pause: () => response.socket.pause(),
    resume: () => response.socket.resume(),
    leave: () => response.destroy(),
    async [Symbol.asyncDispose]() {
      response.destroy();
    },
  };
}

/** Writes raw bytes and reads until the server closes, for requests that no HTTP client would send. */
export function rawExchange(port: number, text: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, "127.0.0.1", () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
  });
}

/** The status, headers and body of a response as text. */
export function parseRaw(text: string): { status: number; headers: Record<string, string>; body: string } {
  const at = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, at).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(first.split(" ")[1]), headers, body: text.slice(at + 4) };
}

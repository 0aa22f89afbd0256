/** A WebSocket client for tests, which waits for messages instead of time. */
import { WebSocket } from "ws";

/** A received message. */
export interface Message {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** Close code and reason. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A connected client. */
export interface TestSocket extends AsyncDisposable {
  readonly raw: WebSocket;
  send(data: string | Uint8Array): void;
  /** Resolves when the server has processed all sent frames: it processes them in order, and its pong is last. */
  taken(): Promise<void>;
  /** Returns the next message. @throws Error if the socket closes first */
  next(): Promise<Message>;
  /** Returns the next message as text. */
  text(): Promise<string>;
  /** Returns a header and its payload, as pull sends them. */
  pair(): Promise<{ header: [string, string, number][]; payload: Buffer }>;
  /** The close code and reason of the server. */
  readonly closed: Promise<Closed>;
  close(): void;
}

/** Connects. @param protocols the offered subprotocols @throws Error if the upgrade is rejected */
export function connectSocket(
  url: string,
  headers: Record<string, string> = {},
  protocols: readonly string[] = [],
): Promise<TestSocket> {
  const raw = new WebSocket(url, [...protocols], { perMessageDeflate: false, headers });
  const messages: Message[] = [];
  const waiting: { resolve(message: Message): void; reject(error: Error): void }[] = [];
  let ended: Error | undefined;
  raw.on("message", (data: Buffer, isBinary) => {
    const one = waiting.shift();
    if (one) one.resolve({ data, isBinary });
    else messages.push({ data, isBinary });
  });
  const closed = new Promise<Closed>((resolve) => {
    raw.on("close", (code, reason) => {
      ended = new Error(`closed with ${code} ${reason.toString()}`);
      for (const one of waiting.splice(0)) one.reject(ended);
      resolve({ code, reason: reason.toString() });
    });
  });
  const next = () =>
    new Promise<Message>((resolve, reject) => {
      const message = messages.shift();
      if (message !== undefined) resolve(message);
      else if (ended !== undefined) reject(ended);
      else waiting.push({ resolve, reject });
    });
  const text = async () => (await next()).data.toString();
  const socket: TestSocket = {
    raw,
    closed,
    next,
    text,
    send: (data) => raw.send(data),
    taken: () =>
      new Promise((resolve) => {
        raw.once("pong", () => resolve());
        raw.ping();
      }),
    pair: async () => ({ header: JSON.parse(await text()), payload: (await next()).data }),
    close: () => raw.close(),
    async [Symbol.asyncDispose]() {
      raw.terminate();
      await closed;
    },
  };
  return new Promise((resolve, reject) => {
    raw.once("open", () => resolve(socket));
    raw.on("error", reject);
  });
}

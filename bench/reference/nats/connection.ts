/** Connection to nats-server over WebSocket. */

import { BINARY, clientFrameBytes, writeClientFrame } from "../../load/clients/frames.ts";
import { createPayloadStream } from "../../load/clients/payload-stream.ts";
import { openWebSocket, type WebSocketBytes } from "../../load/clients/websocket.ts";
import { drained } from "../../load/drain.ts";
import {
  CONNECT_LINE,
  createParser,
  type ParserOptions,
  PING_LINE,
  PONG_LINE,
  type ServerOperations,
} from "./protocol.ts";

/** Options of a connection. */
export interface NatsOptions extends ParserOptions {
  readonly port: number;
  readonly message: ServerOperations["message"];
  /** Called once for all messages that arrive together. */
  readonly received?: () => void;
}

/** A connection that the server has accepted. */
export interface NatsConnection extends Pick<WebSocketBytes, "socket" | "stopReading" | "close"> {
  /** Sends operations as one frame. */
  send(operations: string): void;
  /** Resolves when the server has processed everything sent so far. */
  flushed(): Promise<void>;
  /** @throws Error if the connection failed */
  check(): void;
}

/** @throws Error if the server rejects the connection */
export async function openNats({
  port,
  message,
  received,
  ...options
}: NatsOptions): Promise<NatsConnection> {
  let pings = 0;
  let pongs = 0;
  const line = (text: string) => {
    if (text === "PONG") pongs++;
    else if (text === "PING") send(PONG_LINE);
    else if (!text.startsWith("INFO ")) throw new Error(`NATS sent ${text.slice(0, 200)}`);
  };
  const unframe = createPayloadStream(createParser({ message, line }, options));
  const connection = await openWebSocket({ port, path: "/" }, (bytes, from, to) => {
    unframe(bytes, from, to);
    received?.();
  });
  const send = (operations: string) => {
    const payload = Buffer.from(operations);
    const frame = Buffer.alloc(clientFrameBytes(payload.length));
    writeClientFrame(frame, 0, BINARY, payload);
    connection.socket.write(frame);
  };
  const check = () => {
    if (connection.failure !== "") throw new Error(`nats-server: ${connection.failure}`);
  };
  const flushed = async () => {
    const mine = ++pings;
    send(PING_LINE);
    await drained(
      () => {
        check();
        return pongs >= mine;
      },
      () => "nats-server does not answer PING",
    );
  };
  send(CONNECT_LINE);
  await flushed();
  return {
    socket: connection.socket,
    send,
    flushed,
    check,
    stopReading: connection.stopReading,
    close: connection.close,
  };
}

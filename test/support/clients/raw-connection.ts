/** A connection whose bytes a test writes itself, for example several requests at once. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestGateway } from "../gateway/gateway.ts";

/** An open connection. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far, as Latin-1. */
  received(): string;
  readonly closed: Promise<unknown>;
}

/** Connects to a gateway. */
export function openRaw({ http }: Pick<TestGateway, "http">): RawConnection {
  const socket = connect(Number(new URL(http).port), "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    received += text;
  });
  return { socket, received: () => received, closed: once(socket, "close") };
}

/** Returns a request head. @param line method and path */
export const rawHead = (line: string, ...headers: string[]): string =>
  [`${line} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n");

/** Returns the status codes of all responses in a text. */
export const statusesIn = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

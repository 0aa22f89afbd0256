/**
 * GET requests over kept-alive connections, one in flight on each, without an HTTP library: the request is a constant
 * string, and only the status and the length of a response are parsed.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Busy, type Pids, watchBusy } from "../measurement/busy.ts";
import type { Target } from "./websocket.ts";

/** Options of the load. */
export interface HttpLoad extends Target {
  readonly connections: number;
  /** Expected length of every response body in bytes. */
  readonly bodyBytes: number;
  readonly measureMs: number;
  readonly pids: Pids;
}

/** Result of the load. */
export interface HttpResult {
  readonly requestsPerSecond: number;
  readonly busy: Busy;
}

const START_MS = 500;
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);
const END_OF_HEAD = "\r\n\r\n";

/** @throws Error if a response is not a 200 with a body of that length */
export async function getRepeatedly(load: HttpLoad): Promise<HttpResult> {
  let answers = 0;
  let failure = "";
  const request = `GET ${load.path} HTTP/1.1\r\nHost: 127.0.0.1:${load.port}\r\n\r\n`;
  const open = (): Socket => {
    /** Received part of the current response's head, and the response's total length once that is known. */
    let head = "";
    let length = 0;
    let received = 0;
    const socket = connect({
      port: load.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes) => {
          received += bytes;
          if (length === 0) {
            head += READ_BUFFER.toString("latin1", 0, bytes);
            length = answerBytes(head, load.bodyBytes);
            if (Number.isNaN(length)) {
              failure ||= `not the answer expected: ${head.slice(0, 500)}`;
              return false;
            }
          }
          if (received !== length) return true;
          answers++;
          head = "";
          length = received = 0;
          socket.write(request);
          return true;
        },
      },
    });
    socket.on("error", (error) => {
      failure ||= error.message;
    });
    socket.write(request);
    return socket;
  };
  const sockets = Array.from({ length: load.connections }, open);
  try {
    await sleep(START_MS);
    const busy = watchBusy(load.pids);
    const from = { time: performance.now(), answers };
    await sleep(load.measureMs);
    const seconds = (performance.now() - from.time) / 1000;
    if (failure !== "") throw new Error(`${load.path}: ${failure}`);
    return { requestsPerSecond: (answers - from.answers) / seconds, busy: busy() };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Returns the total length of a response; 0 while its head is incomplete, NaN if it is not the expected response. */
function answerBytes(head: string, bodyBytes: number): number {
  const end = head.indexOf(END_OF_HEAD);
  if (end === -1) return 0;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (!head.startsWith("HTTP/1.1 200 ") || Number(length) !== bodyBytes) return Number.NaN;
  return end + END_OF_HEAD.length + bodyBytes;
}

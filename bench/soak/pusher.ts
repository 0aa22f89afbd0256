/** Client that pushes numbered entries at a fixed rate, with acks: `7:xxxxx…` is entry 7 of its stream. */
import { WebSocket } from "ws";
import type { Ledger } from "./ledger.ts";

/** Options of a pusher. */
export interface PusherOptions {
  readonly stream: string;
  readonly entryBytes: number;
  /** Average entries per second. */
  readonly rate: number;
  /** Interval (ms) between sends of the due entries; a long interval creates bursts. */
  readonly everyMs: number;
}

/** A running pusher. */
export interface Pusher {
  readonly sent: number;
  /** Stops sending; entries in flight are still acknowledged. */
  stop(): void;
  close(): void;
}

/** Starts a pusher. @param report receives a description of each problem */
export function startPusher(
  port: number,
  { stream, entryBytes, rate, everyMs }: PusherOptions,
  ledger: Ledger,
  report: (problem: string) => void,
): Promise<Pusher> {
  const url = `ws://127.0.0.1:${port}/data/${stream}/push?header=0&ack=1`;
  const socket = new WebSocket(url, { perMessageDeflate: false });
  let sent = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  socket.once("open", () => {
    const start = performance.now();
    timer = setInterval(() => {
      const due = Math.floor(((performance.now() - start) / 1000) * rate);
      for (; sent < due; sent++) socket.send(`${sent}:`.padEnd(entryBytes, "x"));
    }, everyMs);
  });
  socket.on("message", (data: Buffer) => {
    const [outcome] = JSON.parse(data.toString()) as unknown[];
    if (typeof outcome === "string") ledger.acknowledge(outcome);
    else report(`${stream}: entry ${ledger.acknowledged} was rejected: ${JSON.stringify(outcome)}`);
  });
  socket.on("close", (code, reason) => {
    clearInterval(timer);
    if (!isClosed) report(`${stream}: the pusher was closed with ${code} ${reason.toString()}`);
  });
  const pusher: Pusher = {
    get sent() {
      return sent;
    },
    stop: () => clearInterval(timer),
    close() {
      isClosed = true;
      socket.close();
    },
  };
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(pusher));
    socket.once("error", reject);
  });
}

/**
 * Readers of every kind: quick and slow ones, ones that sleep and ones that vanish. Each looks at every entry: that its
 * number is the one after the last, or with `latest` at least a greater one.
 */
import { get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { decode } from "@msgpack/msgpack";
import { WebSocket } from "ws";

/** All kinds. */
export const KINDS = [
  "json",
  "header",
  "msgpack",
  "raw",
  "acked",
  "slow",
  "sleeping",
  "vanishing",
  "latest",
  "events",
] as const;

/** One kind of reader. */
export type Kind = (typeof KINDS)[number];

const QUERY: Readonly<Record<Exclude<Kind, "events">, string>> = {
  json: "format=json&count=100",
  header: "count=10",
  msgpack: "format=msgpack&count=100",
  raw: "header=0",
  acked: "format=json&count=100&ack=1",
  slow: "format=json&count=200&max_fps=4",
  sleeping: "format=json&count=100",
  vanishing: "format=json&count=100",
  latest: "format=json&latest=1&ack=1",
};

/** Longest times, in ms, after which a reader acknowledges, sleeps or wakes, leaves or comes back. */
const ACK_MS = 50;
const SLEEP_MS = 15_000;
const STAY_MS = 5_000;
const AWAY_MS = 2_000;

/** A reader at work. */
export interface Reader {
  readonly kind: Kind;
  /** The number that it waits for. */
  readonly next: number;
  /** Sleeps and vanishes no more, so that it can come to the end. */
  settle(): void;
  close(): void;
}

/** What a reader tells. */
export interface ReaderEvents {
  report(problem: string): void;
  see?(number: number, id: string): void;
}

/** Starts a reader at the beginning of a stream. */
export function startReader(port: number, stream: string, kind: Kind, events: ReaderEvents): Reader {
  const name = `${kind} reader of ${stream}`;
  let next = 0;
  let cursor = "0";
  let isOver = false;

  function take(id: string, payload: string): void {
    const number = Number.parseInt(payload, 10);
    const isRight = kind === "latest" ? number >= next : number === next;
    if (!isRight) events.report(`${name}: entry ${number} (${id}) came in the place of ${next}`);
    events.see?.(number, id);
    next = number + 1;
    cursor = id;
  }
  const lost = (why: string) => {
    if (!isOver) events.report(`${name}: ${why}`);
  };
  const connection =
    kind === "events"
      ? followEvents(port, stream, take, lost)
      : followPull(port, stream, kind, () => cursor, take, lost);
  return {
    kind,
    get next() {
      return next;
    },
    settle: connection.settle,
    close() {
      isOver = true;
      connection.settle();
      connection.close();
    },
  };
}

interface Connection {
  settle(): void;
  close(): void;
}

type Take = (id: string, payload: string) => void;

function followPull(
  port: number,
  stream: string,
  kind: Exclude<Kind, "events">,
  cursor: () => string,
  take: Take,
  lost: (why: string) => void,
): Connection {
  let header: [string, string, number][] | undefined;
  /** Undefined while it is away. */
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isSettled = false;

  function open(): void {
    header = undefined;
    const url = `ws://127.0.0.1:${port}/data/${stream}/pull?${QUERY[kind]}&last_entry_id=${cursor()}`;
    const opened = new WebSocket(url, { perMessageDeflate: false });
    socket = opened;
    opened.on("message", (data: Buffer, isBinary) => {
      if (socket !== opened) return;
      message(data, isBinary);
      if (kind === "acked" || kind === "latest") setTimeout(() => opened.send(""), Math.random() * ACK_MS);
    });
    opened.on("error", () => undefined);
    opened.on("close", (code, reason) => {
      if (socket === opened) lost(`was closed with ${code} ${reason.toString()}`);
    });
    if (kind === "vanishing") timer = setTimeout(vanish, Math.random() * STAY_MS);
    if (kind === "sleeping") timer = setTimeout(sleep, Math.random() * SLEEP_MS);
  }

  function message(data: Buffer, isBinary: boolean): void {
    if (kind === "raw") take("0", data.toString("latin1", 0, 16));
    else if (kind === "msgpack")
      for (const [, id, payload] of decode(data) as [string, string, Uint8Array][])
        take(id, Buffer.from(payload.subarray(0, 16)).toString("latin1"));
    else if (kind !== "header")
      for (const [, id, payload] of JSON.parse(data.toString()) as [string, string, string][])
        take(id, payload);
    else if (!isBinary) header = JSON.parse(data.toString());
    else for (const [, id, start] of header ?? []) take(id, data.toString("latin1", start, start + 16));
  }

  function vanish(): void {
    const gone = socket;
    timer = setTimeout(open, Math.random() * AWAY_MS);
    // Before the other end hears of it: nothing that still comes counts.
    socket = undefined;
    gone?.terminate();
  }

  function sleep(): void {
    socket?.pause();
    timer = setTimeout(wake, Math.random() * SLEEP_MS);
  }
  function wake(): void {
    socket?.resume();
    if (!isSettled) timer = setTimeout(sleep, Math.random() * SLEEP_MS);
  }

  open();
  return {
    settle() {
      isSettled = true;
      clearTimeout(timer);
      if (socket === undefined) open();
      clearTimeout(timer);
      socket?.resume();
    },
    close() {
      const last = socket;
      socket = undefined;
      last?.terminate();
    },
  };
}

function followEvents(port: number, stream: string, take: Take, lost: (why: string) => void): Connection {
  let id = "";
  let response: IncomingMessage | undefined;
  const request = get(`http://127.0.0.1:${port}/data/${stream}/events?last_entry_id=0`, (answer) => {
    response = answer;
    createInterface({ input: answer }).on("line", (line) => {
      if (line.startsWith("id: ")) id = line.slice(4);
      else if (line.startsWith("data: ")) take(id, line.slice(6, 22));
    });
    answer.on("close", () => lost("its response ended"));
    answer.on("error", () => undefined);
  });
  request.on("error", (error) => lost(error.message));
  return {
    settle: () => undefined,
    close() {
      response?.destroy();
      request.destroy();
    },
  };
}

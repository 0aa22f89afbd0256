/**
 * Clients that follow one stream, of every kind: quick and slow ones, ones that sleep and ones that vanish. What they
 * are told, and whether it is right, is for others to judge: the soak (`reader.ts`) and the checker of histories.
 */
import { type ClientRequest, get } from "node:http";
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

/** What is followed, and who is told of it. */
export interface Following {
  /** The gateway, asked at each connection. */
  readonly port: () => number;
  readonly stream: string;
  readonly kind: Kind;
  /** Where to go on, asked at each connection. */
  readonly cursor: () => string;
  /** A number from 0 to below 1: how long it sleeps, stays and is away. */
  readonly random: () => number;
  /** A connection is begun. */
  readonly opened?: () => void;
  /** An entry came; without an id where the kind shows none. Payloads are read as latin1. */
  readonly take: (id: string | undefined, payload: string) => void;
  /** The other end closed the connection, or never answered. */
  readonly lost: (why: string) => void;
}

/** A client at work. */
export interface Follower {
  /** Connects again, after it was lost. */
  reopen(): void;
  /** Sleeps and vanishes no more, so that it can come to the end. */
  settle(): void;
  close(): void;
}

/** Starts a client. */
export const follow = (following: Following): Follower =>
  following.kind === "events" ? followEvents(following) : followPull(following, following.kind);

function followPull(
  { port, stream, cursor, random, opened: onOpened, take, lost }: Following,
  kind: Exclude<Kind, "events">,
): Follower {
  let header: [string, string, number][] | undefined;
  /** Undefined while it is away. */
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isSettled = false;

  function open(): void {
    header = undefined;
    onOpened?.();
    const url = `ws://127.0.0.1:${port()}/data/${stream}/pull?${QUERY[kind]}&last_entry_id=${cursor()}`;
    const opened = new WebSocket(url, { perMessageDeflate: false });
    socket = opened;
    opened.on("message", (data: Buffer, isBinary) => {
      if (socket !== opened) return;
      message(data, isBinary);
      if (kind === "acked" || kind === "latest") setTimeout(acknowledge, random() * ACK_MS, opened);
    });
    opened.on("error", () => undefined);
    opened.on("close", (code, reason) => {
      if (socket !== opened) return;
      socket = undefined;
      clearTimeout(timer);
      lost(`was closed with ${code} ${reason.toString()}`);
    });
    if (kind === "vanishing") timer = setTimeout(vanish, random() * STAY_MS);
    if (kind === "sleeping") timer = setTimeout(sleep, random() * SLEEP_MS);
  }

  function acknowledge(opened: WebSocket): void {
    if (opened.readyState === WebSocket.OPEN) opened.send("");
  }

  function message(data: Buffer, isBinary: boolean): void {
    if (kind === "raw") take(undefined, data.toString("latin1"));
    else if (kind === "msgpack")
      for (const [, id, payload] of decode(data) as [string, string, Uint8Array][])
        take(id, Buffer.from(payload).toString("latin1"));
    else if (kind !== "header")
      for (const [, id, payload] of JSON.parse(data.toString()) as [string, string, string][])
        take(id, payload);
    else if (!isBinary) header = JSON.parse(data.toString());
    else
      (header ?? []).forEach(([, id, start], i, items) => {
        take(id, data.toString("latin1", start, items[i + 1]?.[2]));
      });
  }

  function vanish(): void {
    const gone = socket;
    timer = setTimeout(open, random() * AWAY_MS);
    // Before the other end hears of it: nothing that still comes counts.
    socket = undefined;
    gone?.terminate();
  }

  function sleep(): void {
    socket?.pause();
    timer = setTimeout(wake, random() * SLEEP_MS);
  }
  function wake(): void {
    socket?.resume();
    if (!isSettled) timer = setTimeout(sleep, random() * SLEEP_MS);
  }

  open();
  return {
    reopen() {
      if (socket === undefined) open();
    },
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
      clearTimeout(timer);
      last?.terminate();
    },
  };
}

function followEvents({ port, stream, cursor, opened, take, lost }: Following): Follower {
  let request: ClientRequest | undefined;

  function open(): void {
    let id = "";
    let event = "";
    opened?.();
    const asked = get(
      `http://127.0.0.1:${port()}/data/${stream}/events?last_entry_id=${cursor()}`,
      (answer) => {
        if (answer.statusCode !== 200) {
          answer.resume();
          return;
        }
        const lines = createInterface({ input: answer });
        lines.on("line", (line) => {
          if (request !== asked) return;
          if (line === "") event = "";
          else if (line.startsWith("event: ")) event = line.slice(7);
          else if (line.startsWith("id: ")) id = line.slice(4);
          else if (line.startsWith("data: ") && event === "") take(id, line.slice(6));
        });
        // It passes the response's error on; that the response has ended is told below.
        lines.on("error", () => undefined);
        answer.on("error", () => undefined);
      },
    );
    request = asked;
    asked.on("error", () => undefined);
    asked.on("close", () => {
      if (request !== asked) return;
      request = undefined;
      lost("its response ended");
    });
  }

  open();
  return {
    reopen() {
      if (request === undefined) open();
    },
    settle: () => undefined,
    close() {
      const last = request;
      request = undefined;
      last?.destroy();
    },
  };
}

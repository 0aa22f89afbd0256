/**
 * Readers of one stream, of every kind: fast, slow, sleeping and disconnecting ones. They pass on all received entries; the
 * soak test (`reader.ts`) and the history checker verify it.
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

/** Maximum times (ms) after which a reader acknowledges, sleeps or wakes, disconnects or reconnects. */
const ACK_MS = 50;
const SLEEP_MS = 15_000;
const CONNECTED_MS = 5_000;
const DISCONNECTED_MS = 2_000;

/** Options of a reader, and the callbacks for received entries. */
export interface Following {
  /** Returns the port of the gateway; called for each connection. */
  readonly port: () => number;
  readonly stream: string;
  readonly kind: Kind;
  /** Returns the cursor to resume from; called for each connection. */
  readonly cursor: () => string;
  /** Returns a random number in [0, 1), which determines how long the reader sleeps and how long it stays connected or disconnected. */
  readonly random: () => number;
  /** Called when a connection starts. */
  readonly opened?: () => void;
  /** Called for each entry; without an id if the kind has none. Payloads are decoded as latin1. */
  readonly take: (id: string | undefined, payload: string) => void;
  /** Called when the gateway closed the connection, or never accepted it. */
  readonly lost: (why: string) => void;
}

/** A running reader. */
export interface Follower {
  /** Reconnects after a lost connection. */
  reopen(): void;
  /** Stops sleeping and disconnecting, so that the reader can reach the end. */
  settle(): void;
  close(): void;
}

/** Starts a reader. */
export const follow = (following: Following): Follower =>
  following.kind === "events" ? followEvents(following) : followPull(following, following.kind);

function followPull(
  { port, stream, cursor, random, opened: onOpened, take, lost }: Following,
  kind: Exclude<Kind, "events">,
): Follower {
  let header: [string, string, number][] | undefined;
  /** Undefined while the reader is disconnected. */
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
    if (kind === "vanishing") timer = setTimeout(vanish, random() * CONNECTED_MS);
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
    const disconnected = socket;
    timer = setTimeout(open, random() * DISCONNECTED_MS);
    // Ignore messages that arrive before the gateway has noticed the disconnect.
    socket = undefined;
    disconnected?.terminate();
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
    const sent = get(
      `http://127.0.0.1:${port()}/data/${stream}/events?last_entry_id=${cursor()}`,
      (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          return;
        }
        const lines = createInterface({ input: response });
        lines.on("line", (line) => {
          if (request !== sent) return;
          if (line === "") event = "";
          else if (line.startsWith("event: ")) event = line.slice(7);
          else if (line.startsWith("id: ")) id = line.slice(4);
          else if (line.startsWith("data: ") && event === "") take(id, line.slice(6));
        });
        // The line reader forwards the response's errors; the end of the response is handled below.
        lines.on("error", () => undefined);
        response.on("error", () => undefined);
      },
    );
    request = sent;
    sent.on("error", () => undefined);
    sent.on("close", () => {
      if (request !== sent) return;
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

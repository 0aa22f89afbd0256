/** Pushers and readers that run until stopped and record everything they receive, for tests that inject faults. */
import { openAnswer } from "../clients/http.ts";
import { type Closed, connectSocket, type Message, type TestSocket } from "../clients/socket.ts";
import { readEvents } from "../clients/sse.ts";

/** A client that pushes numbers, with a few in flight at a time. */
export interface Pusher {
  /** The stored numbers by entry id, in the order of the acks. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** The same as entries. A stream that is deleted and recreated may use an id twice. */
  readonly stored: readonly SeenEntry[];
  /** Error codes by number, of entries that are not, or may not be, stored. */
  readonly failed: ReadonlyMap<number, string>;
  /** Stops sending, and resolves when everything is answered or the server has closed. */
  stop(): Promise<void>;
  /** The close code and reason of the server. */
  readonly closed: Promise<Closed>;
}

/**
 * Starts a pusher with acks.
 *
 * @param inFlight entries sent and not yet acknowledged
 * @param pauseMs pause between two acks, which limits the number of entries
 */
export async function startPusher(ws: string, stream: string, inFlight = 20, pauseMs = 0): Promise<Pusher> {
  const socket = await connectSocket(`${ws}/data/${stream}/push?header=0&ack=1`);
  const acknowledged = new Map<string, number>();
  const stored: SeenEntry[] = [];
  const failed = new Map<number, string>();
  let sent = 0;
  let stopped = false;
  for (; sent < inFlight; sent++) socket.send(String(sent));

  async function run(): Promise<void> {
    for (let answered = 0; answered < sent; answered++) {
      const [outcome] = JSON.parse(await socket.text()) as (string | { error: string; code: string })[];
      if (typeof outcome === "string") {
        acknowledged.set(outcome, answered);
        stored.push({ id: outcome, text: String(answered) });
      } else failed.set(answered, outcome?.code ?? "an empty ack");
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (!stopped) socket.send(String(sent++));
    }
  }
  // Fails when the server closes.
  const answered = run().catch(() => undefined);
  return {
    acknowledged,
    stored,
    failed,
    closed: socket.closed,
    async stop() {
      stopped = true;
      await answered;
      await socket[Symbol.asyncDispose]();
    },
  };
}

/** An entry as a reader received it. */
export interface SeenEntry {
  readonly id: string;
  readonly text: string;
}

/** Ids between which entries may be missing. */
export interface SeenGap {
  readonly after: string;
  readonly before: string;
}

/** A client that reads one stream. */
export interface Reader extends AsyncDisposable {
  readonly entries: readonly SeenEntry[];
  /** The reported gaps; formats with headers have no room for them. */
  readonly gaps: readonly SeenGap[];
  /** The close code and reason of the server; for an HTTP response only that it ended. */
  readonly closed: Promise<Closed>;
}

/** The ways in which a client can read a stream. */
export type Way = "json" | "header" | "acked" | "max-fps" | "events";

const QUERY: Readonly<Record<Exclude<Way, "events">, string>> = {
  json: "format=json&gaps=1&count=100",
  header: "count=3",
  acked: "format=json&gaps=1&count=50&ack=1",
  "max-fps": "format=json&gaps=1&count=500&max_fps=50",
};

/** Starts a reader. @param from its cursor */
export async function startReader(ws: string, stream: string, way: Way, from = "0"): Promise<Reader> {
  return way === "events" ? startEvents(ws, stream, from) : startPull(ws, stream, way, from);
}

async function startPull(
  ws: string,
  stream: string,
  way: Exclude<Way, "events">,
  from: string,
): Promise<Reader> {
  const url = `${ws}/data/${stream}/pull?${QUERY[way]}&last_entry_id=${from}&block=1000`;
  const socket = await connectSocket(url);
  const entries: SeenEntry[] = [];
  const gaps: SeenGap[] = [];
  async function run(): Promise<void> {
    for (;;) {
      if (way === "header") {
        entries.push(...(await pairOf(socket)));
        continue;
      }
      const message = readJson(await socket.next());
      if ("gap" in message) {
        gaps.push(message.gap);
        continue;
      }
      entries.push(...message.map(([, id, text]) => ({ id, text })));
      if (way === "acked") socket.send("");
    }
  }
  run().catch(() => undefined);
  return { entries, gaps, closed: socket.closed, [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose]() };
}

const readJson = ({ data }: Message) =>
  JSON.parse(data.toString()) as [stream: string, id: string, text: string][] | { gap: SeenGap };

async function pairOf(socket: TestSocket): Promise<SeenEntry[]> {
  const { header, payload } = await socket.pair();
  return header.map(([, id, start], i) => ({
    id,
    text: payload.subarray(start, header[i + 1]?.[2]).toString(),
  }));
}

async function startEvents(ws: string, stream: string, from: string): Promise<Reader> {
  const answer = await openAnswer(
    `${ws.replace("ws", "http")}/data/${stream}/events?last_entry_id=${encodeURIComponent(from)}`,
  );
  const events = readEvents(answer);
  const entries: SeenEntry[] = [];
  const gaps: SeenGap[] = [];
  async function run(): Promise<Closed> {
    for (;;) {
      const event = await events.next();
      if (event === undefined) return { code: 0, reason: "the response ended" };
      if (event.event === "message") entries.push({ id: event.id, text: event.data });
      else if (event.event === "gap") gaps.push(JSON.parse(event.data));
    }
  }
  const closed = run().catch((error: Error) => ({ code: -1, reason: error.message }));
  return { entries, gaps, closed, [Symbol.asyncDispose]: () => answer[Symbol.asyncDispose]() };
}

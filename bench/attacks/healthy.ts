/** Healthy clients of every kind. Each one measures its waits, and reports lost entries and rejections. */
import { get, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { type Clients, LAST_MS, startPictures } from "./healthy-pictures.ts";
import type { Period } from "./share.ts";

/** Time that a client waited for one response. */
export interface Wait extends Period {
  readonly what: string;
}

/** Healthy clients while they run, with their waits and problems. */
export interface Healthy {
  /** All completed waits. */
  readonly waits: readonly Wait[];
  /** Errors that a healthy client must never receive. */
  readonly complaints: readonly string[];
  /** Stops all clients after their pending responses have arrived, or after `LAST_MS`. */
  stop(): Promise<void>;
}

const STREAM = "healthy";
/** Stream of large reads, filled before the run with entries of `BIG_ENTRY_BYTES`. */
export const LARGE_STREAM = "healthy-large";
export const LARGE_ENTRIES = 16;
const PUSH_MS = 50;
const REQUEST_MS = 100;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Starts the clients.
 *
 * @param key their API key, if the gateway requires one
 * @param hasLargeReads whether some read more than the reserve for small items allows
 */
export async function startHealthy(
  port: number,
  key: string | undefined,
  hasLargeReads = false,
): Promise<Healthy> {
  const waits: Wait[] = [];
  const complaints: string[] = [];
  let isStopping = false;
  const clients: Clients = {
    port,
    headers: key === undefined ? {} : { "x-api-key": key },
    waited: (what, from) => void waits.push({ what, from, to: performance.now() }),
    complain: (what) => void (isStopping || complaints.push(what)),
  };
  const readers = [pullReader(clients, "pull"), eventsReader(clients)];
  const requests = [...REQUESTS, ...(hasLargeReads ? LARGE_READS : [])];
  const requesters = requests.map(([what, make]) => repeat(clients, what, make));
  await Promise.all(readers.map(({ opened }) => opened));
  const pusher = await startPusher(clients);
  const pictures = await startPictures(clients);
  return {
    waits,
    complaints,
    async stop() {
      const pushed = pusher.stop();
      await pictures.stop();
      const limit = performance.now() + LAST_MS;
      const isDone = () => pusher.open === 0 && readers.every((reader) => reader.next >= pushed);
      while (!isDone() && performance.now() < limit) await sleep(20);
      if (pusher.open > 0) complaints.push(`${pusher.open} pushed entries were never acknowledged`);
      for (const { what, next } of readers)
        if (next < pushed) complaints.push(`${what}: received ${next} of ${pushed} entries`);
      await Promise.all(requesters.map((requester) => requester.stop()));
      isStopping = true;
      pusher.close();
      for (const reader of readers) reader.close();
    },
  };
}

async function startPusher({ port, headers, waited, complain }: Clients) {
  const url = `ws://127.0.0.1:${port}/data/${STREAM}/push?header=0&ack=1`;
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  const open: number[] = [];
  let pushed = 0;
  socket.on("message", (data) => {
    const from = open.shift();
    if (!/^\["\d/.test(String(data))) complain(`push received ${String(data).slice(0, 200)}`);
    else if (from !== undefined) waited("acknowledgement", from);
  });
  socket.on("error", (error) => complain(`push: ${error.message}`));
  socket.on("close", (code, reason) => complain(`push was closed with ${code} ${reason}`));
  await new Promise((resolve) => socket.once("open", resolve).once("close", resolve));
  const timer = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN) return;
    open.push(performance.now());
    socket.send(`${pushed++} ${performance.now()}`);
  }, PUSH_MS);
  return {
    get open() {
      return socket.readyState === WebSocket.OPEN ? open.length : 0;
    },
    stop() {
      clearInterval(timer);
      return pushed;
    },
    close: () => socket.terminate(),
  };
}

/** A reader that checks the numbers of the entries. */
interface Reader {
  readonly what: string;
  /** Number of the next entry. */
  readonly next: number;
  readonly opened: Promise<unknown>;
  close(): void;
}

/** Checks one entry, `number time`. @returns the number of the next */
function take({ waited, complain }: Clients, what: string, next: number, payload: string): number {
  const [number = Number.NaN, from = 0] = payload.split(" ").map(Number);
  if (number !== next) complain(`${what}: expected entry ${next}, got entry ${number}`);
  waited(`entry by ${what}`, from);
  return number + 1;
}

function pullReader(clients: Clients, what: string): Reader {
  const url = `ws://127.0.0.1:${clients.port}/data/${STREAM}/pull?header=0`;
  const socket = new WebSocket(url, { headers: clients.headers, perMessageDeflate: false });
  let next = 0;
  socket.on("message", (data) => {
    next = take(clients, what, next, String(data));
  });
  socket.on("error", (error) => clients.complain(`${what}: ${error.message}`));
  socket.on("close", (code, reason) => clients.complain(`${what} was closed with ${code} ${reason}`));
  return {
    what,
    get next() {
      return next;
    },
    // The gateway answers a ping after it has subscribed.
    opened: new Promise((resolve) =>
      socket
        .once("open", () => socket.ping())
        .once("pong", resolve)
        .once("close", resolve),
    ),
    close: () => socket.terminate(),
  };
}

function eventsReader(clients: Clients): Reader {
  const what = "events";
  let next = 0;
  const { port, headers } = clients;
  const sent = get({ host: "127.0.0.1", port, path: `/data/${STREAM}/events`, headers, agent: false });
  const opened = new Promise<void>((resolve) => {
    sent.on("response", (answer: IncomingMessage) => {
      if (answer.statusCode !== 200) clients.complain(`${what} received status ${answer.statusCode}`);
      let rest = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines)
          if (line.startsWith("data: ")) next = take(clients, what, next, line.slice(6));
      });
      answer.on("error", (error) => clients.complain(`${what}: ${error.message}`));
      answer.on("close", () => clients.complain(`${what} ended`));
      resolve();
    });
    sent.on("close", resolve);
  });
  sent.on("error", (error) => clients.complain(`${what}: ${error.message}`));
  return {
    what,
    get next() {
      return next;
    },
    opened,
    close: () => void sent.destroy(),
  };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
}

/** Typical requests of healthy programs. */
const REQUESTS: ReadonlyMap<string, Request> = new Map([
  ["newest entry by GET", { method: "GET", path: `/data/${STREAM}?last_entry_id=0&latest=1&block=0` }],
  ["history", { method: "GET", path: `/data/${STREAM}/entries?count=10&reverse=1&format=json` }],
  ["POST", { method: "POST", path: "/data/healthy-posts", body: "hello", type: "text/plain" }],
  [
    "GraphQL",
    { method: "POST", path: "/graphql", body: JSON.stringify({ query: '{stream(id:"healthy"){length}}' }) },
  ],
  ["health", { method: "GET", path: "/healthz" }],
]);

const LARGE_READS: ReadonlyMap<string, Request> = new Map([
  [
    "large read",
    {
      method: "GET",
      path: `/data/${LARGE_STREAM}?last_entry_id=0&count=${LARGE_ENTRIES}&block=0&format=msgpack`,
    },
  ],
]);

interface Answer {
  readonly status: number;
  readonly retryAfterMs: number;
  readonly text: string;
}

function ask(
  { port, headers }: Clients,
  { method, path, body, type = "application/json" }: Request,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { ...headers, ...(body !== undefined && { "content-type": type }) };
    const sent = request({ host: "127.0.0.1", port, method, path, headers: all, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("latin1").on("data", (chunk: string) => {
        text = (text + chunk).slice(0, 300);
      });
      answer.on("error", reject);
      answer.on("end", () => {
        const retryAfterMs = Number(answer.headers["retry-after"]) * 1000;
        resolve({ status: answer.statusCode ?? 0, retryAfterMs, text });
      });
    });
    sent.setTimeout(REQUEST_TIMEOUT_MS, () =>
      sent.destroy(new Error(`no response within ${REQUEST_TIMEOUT_MS} ms`)),
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Repeats a request, each time over a new connection. */
function repeat(clients: Clients, what: string, made: Request) {
  let isStopping = false;
  async function once(): Promise<void> {
    const from = performance.now();
    for (;;) {
      const { status, retryAfterMs, text } = await ask(clients, made);
      if (status === 503 && retryAfterMs > 0) await sleep(retryAfterMs);
      else {
        if (status !== 200) clients.complain(`${what} received status ${status}: ${text}`);
        break;
      }
    }
    clients.waited(what, from);
  }
  async function run(): Promise<void> {
    while (!isStopping) {
      await once().catch((error: Error) => clients.complain(`${what}: ${error.message}`));
      await sleep(REQUEST_MS);
    }
  }
  const running = run();
  return {
    stop() {
      isStopping = true;
      return running;
    },
  };
}

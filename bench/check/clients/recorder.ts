/** Pushers and readers that reconnect after every failure, and record everything that they receive. */
import { WebSocket } from "ws";
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../../src/domain/streams/entry-id.ts";
import { follow } from "../../soak/follow.ts";
import type { PlannedPusher, PlannedReader } from "../plan.ts";
import type { Random } from "../random.ts";
import {
  keyOf,
  type NamedEntry,
  type Push,
  payloadOf,
  type ReaderHistory,
  type Session,
} from "../verdict/history.ts";

/** State that all clients of a run share. */
export interface Recording {
  readonly random: Random;
  /** Returns the port of a gateway, which does not change when it restarts. The index wraps around. */
  readonly port: (gateway: number) => number;
  /** Last acknowledged id of each stream. */
  readonly acknowledged: Map<string, EntryId>;
  /** Time since the start of the run, in ms. */
  readonly now: () => number;
}

/** A running pusher. */
export interface Pusher {
  readonly pushes: readonly Push[];
  /** Number of unacknowledged entries. */
  readonly open: number;
  /** Drops its connection, like a client that loses its network. It then reconnects. */
  vanish(): void;
  /** Stops sending. */
  stop(): void;
  close(): void;
}

/** Maximum number of unacknowledged entries. */
const MAX_OPEN = 200;
/** Maximum delay (ms) before a client reconnects. */
const AGAIN_MS = 300;

/** Starts a pusher. */
export function startPusher(name: string, planned: PlannedPusher, recording: Recording): Pusher {
  const { stream, form, gateway, batch, everyMs, entryBytes, repeats } = planned;
  const { random, port, acknowledged } = recording;
  const pushes: Push[] = [];
  let connections = 0;
  let order = 0;
  let open: Push[][] = [];
  let openEntries = 0;
  let socket: WebSocket | undefined;
  let again: NodeJS.Timeout | undefined;
  let isStopped = false;

  function connect(): void {
    const shape = form === "json" ? "format=json" : `header=${form === "header" ? 1 : 0}`;
    // Unacknowledged entries are sent again first.
    const query = repeats ? `${shape}&dedupe=${name}&dedupe_from=${open[0]?.[0]?.order ?? order}` : shape;
    const url = `ws://127.0.0.1:${port(gateway + connections)}/data/${stream}/push?${query}&ack=1`;
    const opened = new WebSocket(url, { perMessageDeflate: false });
    socket = opened;
    connections++;
    opened.on("open", () => {
      if (socket !== opened) return;
      for (const sent of open) {
        for (const push of sent) push.resent = true;
        write(opened, sent);
      }
    });
    opened.on("message", (data: Buffer) => {
      if (socket === opened) acknowledge(JSON.parse(data.toString()));
    });
    opened.on("error", () => undefined);
    opened.on("close", () => {
      if (socket === opened) lose();
    });
  }

  function lose(): void {
    socket = undefined;
    if (!repeats) {
      open = [];
      openEntries = 0;
    }
    if (!isStopped || openEntries > 0) again = setTimeout(connect, random.between(0, AGAIN_MS));
  }

  function acknowledge(outcomes: readonly (string | { readonly code: string })[]): void {
    const answered = open.shift() ?? [];
    openEntries -= answered.length;
    answered.forEach((push, i) => {
      const outcome = outcomes[i];
      if (typeof outcome !== "string") {
        push.outcome = outcome && { code: outcome.code };
        return;
      }
      push.outcome = { id: outcome };
      const id = parseId(outcome) ?? FIRST_ID;
      if (compareIds(id, acknowledged.get(stream) ?? FIRST_ID) > 0) acknowledged.set(stream, id);
    });
  }

  function send(): void {
    if (socket?.readyState !== WebSocket.OPEN || openEntries + batch > MAX_OPEN) return;
    const sent = Array.from({ length: batch }, (): Push => {
      const connection = `${name}.${connections}`;
      return {
        stream,
        key: `${connection}.${order}`,
        connection,
        order: order++,
        resent: false,
        outcome: undefined,
      };
    });
    pushes.push(...sent);
    open.push(sent);
    openEntries += batch;
    write(socket, sent);
  }

  function write(socket: WebSocket, sent: readonly Push[]): void {
    const payloads = sent.map(({ key }) => payloadOf(key, entryBytes));
    if (form === "raw") socket.send(payloads[0] ?? "");
    else if (form === "json") socket.send(JSON.stringify(payloads.map((payload) => [stream, null, payload])));
    else {
      socket.send(JSON.stringify(payloads.map((_, i) => [stream, (i + 1) * entryBytes])));
      socket.send(Buffer.from(payloads.join("")));
    }
  }

  connect();
  const timer = setInterval(send, everyMs);
  return {
    pushes,
    get open() {
      return openEntries;
    },
    vanish() {
      const dropped = socket;
      if (dropped === undefined) return;
      lose();
      dropped.terminate();
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
    close() {
      isStopped = true;
      clearInterval(timer);
      clearTimeout(again);
      const last = socket;
      socket = undefined;
      last?.terminate();
    },
  };
}

/** A running reader. */
export interface Reader {
  readonly history: ReaderHistory;
  /** The last entry that it received. */
  readonly last: NamedEntry | undefined;
  /** Stops sleeping and disconnecting, so that the reader can reach the end. */
  settle(): void;
  close(): void;
}

/** Records an entry that a connection received. */
export function receive(session: Session | undefined, entry: NamedEntry, now: number): void {
  if (session?.connected !== undefined) session.connected.lastMs = now;
  session?.entries.push(entry);
}

/** Starts a reader. */
export function startReader(planned: PlannedReader, recording: Recording, number: number): Reader {
  const { stream, kind, gateway, from } = planned;
  const { random, port, acknowledged, now } = recording;
  const sessions: Session[] = [];
  const history = {
    name: `${kind} reader ${number} of ${stream}`,
    stream,
    latest: kind === "latest",
    sessions,
  };
  let cursor: string = from;
  let again: NodeJS.Timeout | undefined;
  let last: NamedEntry | undefined;
  const portAt = (connections: number) => port(gateway + connections);
  const follower = follow({
    port: () => portAt(sessions.length),
    stream,
    kind,
    cursor: () => cursor,
    random: random.fraction,
    opened() {
      const floor = acknowledged.get(stream) ?? FIRST_ID;
      const connected = { port: portAt(sessions.length + 1), openedMs: now() };
      sessions.push({ cursor, floor, entries: [], connected });
    },
    take(id, payload) {
      last = { id, key: keyOf(payload) };
      receive(sessions.at(-1), last, now());
      cursor = id ?? cursor;
    },
    lost: () => {
      again = setTimeout(() => follower.reopen(), random.between(0, AGAIN_MS));
    },
  });
  return {
    history,
    get last() {
      return last;
    },
    settle: follower.settle,
    close() {
      follower.settle();
      follower.close();
      clearTimeout(again);
    },
  };
}

/** Worker of a consumer group that settles, forgets and loses entries at random, and records it. */
import { WebSocket } from "ws";
import type { Random } from "../random.ts";
import { keyOf, type NamedEntry, type WorkerHistory } from "../verdict/history.ts";

/** Name of the group. */
export const GROUP = "check";
/** Time (ms) after which an entry is delivered again. */
export const ACK_WAIT_MS = 1500;
/** Maximum delay (ms) before a worker reconnects. */
const AGAIN_MS = 300;
/** Interval (ms) at which a worker may vanish. */
const VANISH_MS = 400;

/** Entries as messages of the gateway name them. */
type Name = readonly [stream: string, id: string];

/** A message of the gateway. */
type Message =
  | readonly (readonly [stream: string, id: string, payload: string])[]
  | { readonly done: { readonly late: readonly Name[] } }
  | { readonly lost: readonly Name[] };

/** Options of a worker. */
export interface WorkerOptions {
  readonly name: string;
  readonly streams: readonly string[];
  readonly random: Random;
  /** Returns the port of a gateway. The index wraps around. */
  readonly port: (gateway: number) => number;
}

/** A running worker, which reconnects after every failure. */
export class CheckedWorker {
  readonly history: WorkerHistory;
  readonly #options: WorkerOptions;
  readonly #timer: NodeJS.Timeout;
  #socket: WebSocket | undefined;
  /** Entries of the messages that are not answered yet; undefined for those that are no acknowledgements. */
  #sent: (readonly Name[] | undefined)[] = [];
  #connections = 0;
  #again: NodeJS.Timeout | undefined;
  #isSettling = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.history = { name: options.name, received: [], sent: [], confirmed: [], deadLettered: [], lost: [] };
    this.#timer = setInterval(() => {
      if (!this.#isSettling && options.random.fraction() < 0.1) this.#socket?.terminate();
    }, VANISH_MS);
    this.#connect();
  }

  /** Acknowledges everything from now on, and no longer vanishes. */
  settle(): void {
    this.#isSettling = true;
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    const last = this.#socket;
    this.#socket = undefined;
    last?.terminate();
  }

  #connect(): void {
    const { streams, random, port } = this.#options;
    const query = `from=0&format=json&confirm=1&permits=8&ack_wait=${ACK_WAIT_MS}&max_deliver=20`;
    const gateway = Math.floor(random.fraction() * 2) + this.#connections++;
    const socket = new WebSocket(
      `ws://127.0.0.1:${port(gateway)}/data/${streams.join("+")}/work/${GROUP}?${query}`,
      { perMessageDeflate: false },
    );
    this.#socket = socket;
    this.#sent = [];
    socket.on("message", (data: Buffer) => {
      if (this.#socket === socket) this.#handle(JSON.parse(data.toString()) as Message);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#again = setTimeout(() => this.#connect(), random.between(0, AGAIN_MS));
    });
  }

  #handle(message: Message): void {
    const { history } = this;
    if ("lost" in message) history.lost.push(...message.lost.map(([stream, id]) => ({ stream, id })));
    else if ("done" in message) this.#answered(message.done.late);
    else
      for (const [stream, id, payload] of message) {
        const entry: NamedEntry = { id, key: keyOf(payload) };
        history.received.push({ stream, ...entry });
        this.#work([stream, id]);
      }
  }

  #answered(late: readonly Name[]): void {
    const missed = new Set(late.map(String));
    for (const [stream, id] of this.#sent.shift() ?? [])
      if (!missed.has(String([stream, id]))) this.history.confirmed.push({ stream, id });
  }

  #work(name: Name): void {
    const { random } = this.#options;
    const [stream, id] = name;
    const chance = this.#isSettling ? 0 : random.fraction();
    if (chance < 0.82) {
      const ack = () => {
        this.history.sent.push({ stream, id });
        this.#send({ ack: [name] }, [name]);
      };
      if (chance < 0.6) ack();
      // Some acknowledgements are late.
      else setTimeout(ack, random.between(0, 1.2 * ACK_WAIT_MS));
    } else if (chance < 0.9) this.#send({ nack: [name], delay: Math.floor(random.between(0, 500)) });
    else if (chance < 0.93) this.#send({ progress: [name] });
    else if (chance < 0.95) {
      this.history.deadLettered.push({ stream, id });
      this.#send({ term: [name], reason: "check" });
    }
  }

  #send(message: object, acknowledged?: readonly Name[]): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#sent.push(acknowledged);
    this.#socket.send(JSON.stringify(message));
  }
}

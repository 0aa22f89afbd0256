/**
 * Reader that plays back all streams of the pushers, and pauses, seeks, steps and becomes live at random. It is recorded as
 * one reader of each stream: a seek begins a session like a new connection. It reconnects after every failure at its cursors.
 */
import { decode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { type EntryId, FIRST_ID, idBefore, parseId } from "../../../src/domain/streams/entry-id.ts";
import type { PlannedPlaybackReader } from "../plan.ts";
import type { PlaybackHistory } from "../verdict/history.ts";
import { StreamRecord } from "../verdict/stream-record.ts";
import type { Recording } from "./recorder.ts";

/** Maximum delay (ms) before it reconnects. */
const AGAIN_MS = 300;
/** Maximum time (ms) between two commands. */
const COMMAND_MS = 800;
const RATES = [0, 0.5, 1, 4, 100];

interface State {
  readonly state: { readonly status: string; readonly seek: number };
}
type Items = readonly (readonly [stream: string, id: string, payload: Uint8Array])[];
type Stretch = { readonly stream: string; readonly id: string }[];

/** A running reader. */
export class PlaybackReader {
  readonly readers: readonly StreamRecord[];
  readonly history: PlaybackHistory & { readonly stretches: Stretch[] };
  readonly #planned: PlannedPlaybackReader;
  readonly #recording: Recording;
  readonly #cursors = new Map<string, string>();
  /** Ids to seek to. */
  readonly #known: string[] = [];
  /** Targets of the seeks that the gateway has not reported. */
  #seeks: EntryId[] = [];
  /** Number of seeks that it has reported on this connection. */
  #seek = 0;
  #stretch: Stretch | undefined;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connections = 0;
  #isSettled = false;

  /** Starts the reader. */
  constructor(
    planned: PlannedPlaybackReader,
    recording: Recording,
    number: number,
    streams: readonly string[],
  ) {
    const name = `playback reader ${number}`;
    this.#planned = planned;
    this.#recording = recording;
    this.history = { name, stretches: [] };
    this.readers = streams.map((stream) => new StreamRecord(this, name, stream, planned.latest));
    for (const stream of streams) this.#cursors.set(stream, FIRST_ID);
    this.#connect();
  }

  /** Reads all that is left, and stays connected. */
  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    if (this.#socket === undefined) this.#connect();
    else if (this.#socket.readyState === WebSocket.OPEN) this.#send({ live: true });
  }

  close(): void {
    this.#isSettled = true;
    clearTimeout(this.#timer);
    const last = this.#socket;
    this.#socket = undefined;
    last?.terminate();
  }

  #connect(): void {
    const { gateway, latest } = this.#planned;
    const { random, port } = this.#recording;
    const names = [...this.#cursors.keys()].join("+");
    const query = `format=msgpack&count=100&control=1&rate=${random.one(RATES)}${latest ? "&latest=1" : ""}`;
    const cursor = [...this.#cursors.values()].join("+");
    const url = `ws://127.0.0.1:${port(gateway + this.#connections++)}/data/${names}/pull?${query}&last_entry_id=${cursor}`;
    const opened = new WebSocket(url, { perMessageDeflate: false });
    this.#socket = opened;
    this.#seeks = [];
    this.#seek = 0;
    opened.on("open", () => {
      if (this.#socket !== opened) return;
      this.#begin();
      if (this.#isSettled) this.#send({ live: true });
      else this.#commandSoon();
    });
    opened.on("message", (data: Buffer) => {
      if (this.#socket === opened) this.#take(decode(data) as Items | State);
    });
    opened.on("error", () => undefined);
    opened.on("close", () => {
      if (this.#socket === opened) this.#reconnect();
    });
  }

  /** Begins a session of each stream at its cursor. */
  #begin(): void {
    const port = this.#recording.port(this.#planned.gateway + this.#connections - 1);
    for (const reader of this.readers)
      reader.begin(this.#cursors.get(reader.history.stream) ?? FIRST_ID, port, this.#recording);
    this.#beginStretch();
  }

  #beginStretch(): void {
    this.#stretch = [];
    this.history.stretches.push(this.#stretch);
  }

  #take(message: Items | State): void {
    if ("state" in message) {
      this.#takeState(message);
      return;
    }
    for (const [stream, id, payload] of message) {
      this.#cursors.set(stream, id);
      this.readers.find(({ history }) => history.stream === stream)?.take(id, payload);
      this.#stretch?.push({ stream, id });
      if (this.#known.length < 10_000) this.#known.push(id);
    }
  }

  #takeState({ state: { status, seek } }: State): void {
    if (seek > this.#seek) {
      const target = this.#seeks.splice(0, seek - this.#seek).at(-1) ?? FIRST_ID;
      this.#seek = seek;
      for (const stream of this.#cursors.keys()) this.#cursors.set(stream, idBefore(target) ?? FIRST_ID);
      this.#begin();
    }
    if (status === "live") this.#stretch = undefined;
    // Steps move each stream on its own.
    else if (status === "paused" || this.#stretch === undefined) this.#beginStretch();
  }

  #commandSoon(): void {
    this.#timer = setTimeout(() => this.#command(), this.#recording.random.between(0, COMMAND_MS));
  }

  #command(): void {
    const { random } = this.#recording;
    const socket = this.#socket;
    random.one([
      () => this.#send({ pause: true }),
      () => this.#send({ play: true }),
      () => this.#send({ play: { rate: random.one(RATES) } }),
      () => this.#send({ step: 1 }),
      () => this.#send({ live: true }),
      () => this.#sendSeek(),
      () => this.#sendSeek(),
      () => {
        this.#reconnect();
        socket?.terminate();
      },
    ])();
    if (this.#socket !== undefined) this.#commandSoon();
  }

  #sendSeek(): void {
    const { random } = this.#recording;
    const target = parseId(this.#known.length === 0 ? FIRST_ID : random.one(this.#known)) ?? FIRST_ID;
    this.#seeks.push(target);
    this.#send({ seek: target });
  }

  #send(command: object): void {
    this.#socket?.send(JSON.stringify(command));
  }

  #reconnect(): void {
    this.#socket = undefined;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.#recording.random.between(0, AGAIN_MS));
  }
}

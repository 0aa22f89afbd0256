/**
 * Reader of a pattern that selects all streams of the pushers, recorded as one reader of each stream. It reconnects after every
 * failure at its cursors. A stream that joins must be delivered from its first entry.
 */
import { decode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import type { PlannedPatternReader } from "../plan.ts";
import { StreamRecord } from "../verdict/stream-record.ts";
import type { Reader, Recording } from "./recorder.ts";

/** Maximum delay (ms) before it reconnects. */
const AGAIN_MS = 300;
/** Maximum time (ms) after which it disconnects. */
const CONNECTED_MS = 8000;

type Notice =
  | { readonly streams: readonly (readonly [stream: string, cursor: string])[] }
  | { readonly joined: { readonly stream_id: string } }
  | { readonly left: { readonly stream_id: string } };
type Items = readonly (readonly [stream: string, id: string, payload: Uint8Array])[];

/** Starts a reader. @param streams the streams that the pattern selects @returns one reader for each of them */
export function startPatternReader(
  { gateway, from }: PlannedPatternReader,
  recording: Recording,
  number: number,
  streams: readonly string[],
): readonly Reader[] {
  const { random, port } = recording;
  const cursors = new Map<string, string>();
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let connections = 0;
  let isSettled = false;
  const records = new Map(
    streams.map((stream) => [
      stream,
      new StreamRecord({ settle, close }, `pattern reader ${number}`, stream),
    ]),
  );

  function begin(stream: string, cursor: string): void {
    cursors.set(stream, cursor);
    records.get(stream)?.begin(cursor, port(gateway + connections - 1), recording);
  }

  function connect(): void {
    const named = [...cursors].map(([stream, cursor]) => `${stream}=${cursor}+`).join("");
    const cursor = encodeURIComponent(cursors.size === 0 ? from : `${named}0`);
    const url = `ws://127.0.0.1:${port(gateway + connections++)}/data/s*/pull?format=msgpack&count=100&joins=1&last_entry_id=${cursor}`;
    const opened = new WebSocket(url, { perMessageDeflate: false });
    socket = opened;
    opened.on("message", (data: Buffer) => {
      if (socket === opened) take(decode(data) as Items | Notice);
    });
    opened.on("error", () => undefined);
    opened.on("close", () => {
      if (socket === opened) reconnect();
    });
    if (!isSettled) timer = setTimeout(vanish, random.between(0, CONNECTED_MS));
  }

  function take(message: Items | Notice): void {
    if ("streams" in message) for (const [stream, cursor] of message.streams) begin(stream, cursor);
    else if ("joined" in message) begin(message.joined.stream_id, FIRST_ID);
    else if ("left" in message) cursors.delete(message.left.stream_id);
    else
      for (const [stream, id, payload] of message) {
        cursors.set(stream, id);
        records.get(stream)?.take(id, payload);
      }
  }

  function vanish(): void {
    const disconnected = socket;
    reconnect();
    disconnected?.terminate();
  }

  function reconnect(): void {
    socket = undefined;
    clearTimeout(timer);
    timer = setTimeout(connect, random.between(0, AGAIN_MS));
  }

  function settle(): void {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    if (socket === undefined) connect();
  }

  function close(): void {
    isSettled = true;
    clearTimeout(timer);
    const last = socket;
    socket = undefined;
    last?.terminate();
  }

  connect();
  return [...records.values()];
}

/**
 * The part of the NATS client protocol that the benchmark uses: CONNECT, PING, PONG, SUB, PUB and MSG
 * (https://docs.nats.io/reference/reference-protocols/nats-protocol). Each operation is a line of text; PUB and MSG are
 * followed by a payload.
 */
import { HEAD_BYTES } from "../../load/clients/frames.ts";
import type { TakeBytes } from "../../load/clients/payload-stream.ts";

const LINE_FEED = 10;
const SPACE = 32;
const ZERO = 48;
const MESSAGE = "M".charCodeAt(0);
const LINE_END = "\r\n";

/** The first line of every client. Headers are off, because the benchmark sends none. */
export const CONNECT_LINE = `CONNECT ${JSON.stringify({
  verbose: false,
  pedantic: false,
  tls_required: false,
  headers: false,
  no_responders: false,
  lang: "benchmark",
  version: "1",
  protocol: 1,
})}${LINE_END}`;
export const PING_LINE = `PING${LINE_END}`;
export const PONG_LINE = `PONG${LINE_END}`;

/** Subscribes to a subject. */
export const subscribeLine = (subject: string, id: number): string => `SUB ${subject} ${id}${LINE_END}`;

/** Formats the line before a published payload. @param reply subject of the answer; empty for none */
export const publishLine = (subject: string, reply: string, payloadBytes: number): string =>
  `PUB ${subject} ${reply === "" ? "" : `${reply} `}${payloadBytes}${LINE_END}`;

/** Follows a published payload. */
export const PAYLOAD_END = LINE_END;

/** Receives the operations of a server. */
export interface ServerOperations {
  /** A message; its payload starts at `start`, and at least its first 16 bytes are in `bytes`. */
  message(bytes: Buffer, start: number, payloadBytes: number): void;
  /** Any other operation, such as `PING` or `-ERR '…'`. */
  line(text: string): void;
}

/** Options of a parser. */
export interface ParserOptions {
  /** Whether `message` receives payloads completely. */
  readonly wholePayloads?: boolean;
}

/** @returns a function that receives the server's bytes, with chunk boundaries at any offset */
export function createParser(to: ServerOperations, { wholePayloads = false }: ParserOptions = {}): TakeBytes {
  /** Bytes of a payload, and of the line end after it, that are skipped. */
  let rest = 0;
  /** An operation that was split by a chunk boundary. */
  let carry: Buffer | undefined;

  /** Parses the operation at `at`. @returns the offset after its line; -1 if the operation is incomplete */
  const operation = (bytes: Buffer, at: number, end: number): number => {
    let next = at;
    while (next < end && bytes[next] !== LINE_FEED) next++;
    if (next === end) return -1;
    const start = next + 1;
    if (bytes[at] !== MESSAGE) {
      to.line(bytes.toString("latin1", at, next - 1));
      return start;
    }
    const length = lastNumber(bytes, next - 1);
    if (end - start < (wholePayloads ? length : Math.min(length, HEAD_BYTES))) return -1;
    rest = length + LINE_END.length;
    to.message(bytes, start, length);
    return start;
  };

  const parse = (bytes: Buffer, from: number, end: number): void => {
    for (let at = from; ; ) {
      const step = Math.min(rest, end - at);
      at += step;
      rest -= step;
      if (at === end) return;
      const next = operation(bytes, at, end);
      if (next === -1) {
        // The reader of the socket overwrites its buffer.
        carry = Buffer.from(bytes.subarray(at, end));
        return;
      }
      at = next;
    }
  };

  return (bytes, from, end) => {
    if (carry === undefined) return parse(bytes, from, end);
    const joined = Buffer.concat([carry, bytes.subarray(from, end)]);
    carry = undefined;
    parse(joined, 0, joined.length);
  };
}

/** Returns the number that ends before an offset: the length of a message is the last word of its line. */
function lastNumber(bytes: Buffer, end: number): number {
  let value = 0;
  let unit = 1;
  for (let at = end - 1; bytes[at] !== SPACE; at--) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) throw new Error("a message of NATS has an invalid length");
    value += digit * unit;
    unit *= 10;
  }
  return value;
}

/**
 * Cases of the Autobahn test suite for WebSocket servers, by case number. Section 6 covers cases 6.1 to 6.4, section 7 the
 * cases with a defined result.
 *
 * @see https://github.com/crossbario/autobahn-testsuite
 */
// cspell:ignore κόσμε halfwhole

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { createMemoryBudget } from "../../../src/access/limits/memory-budget.ts";
import { Uploads } from "../../../src/access/limits/upload-memory.ts";
import { AcceptPressure } from "../../../src/domain/scheduling/accept-pressure.ts";
import { FairTurns } from "../../../src/domain/scheduling/fair-turns.ts";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { createPayloadPool } from "../../../src/transports/websocket-protocol/memory/buffer-pool.ts";
import { ServerWebSocket } from "../../../src/transports/websocket-protocol/socket.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  clientClose,
  clientFrame,
  PING,
  PONG,
  TEXT,
} from "../../support/clients/client-frames.ts";

type Payload = string | Uint8Array;
/** Number, frames of the client, expected events, and the chunk size (bytes) of the client's writes. */
type Case = readonly [number: string, frames: readonly Buffer[], expected: readonly string[], chunk?: number];

const MIB = 2 ** 20;
const bytesOf = (payload: Payload) => (typeof payload === "string" ? Buffer.from(payload) : payload);
const frame = (opcode: number, payload: Payload = "", isFinal = true) =>
  clientFrame({ opcode, payload: bytesOf(payload), isFinal });
const reserved = (opcode: number, bits: number, payload = "") =>
  clientFrame({ opcode, payload: Buffer.from(payload), reserved: bits });
const text = (payload: Payload) => frame(TEXT, payload);
const ping = (payload: Payload = "") => frame(PING, payload);
const first = (payload: Payload) => frame(TEXT, payload, false);
const middle = (payload: Payload) => frame(CONTINUATION, payload, false);
const last = (payload: Payload) => frame(CONTINUATION, payload);
/** A message in fragments of one byte. */
const inSingleBytes = (payload: Uint8Array) => [
  first(""),
  ...Array.from(payload, (byte) => middle(Uint8Array.of(byte))),
  last(""),
];
const repeated = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** Describes a frame that the server sent. */
function sent(bytes: Buffer): string {
  const payload = bytes.subarray(2);
  if (bytes[0] === 0x8a) return `pong ${payload.toString("latin1")}`;
  return payload.length === 0 ? "close" : `close ${payload.readUInt16BE(0)}`;
}

/** Sends the frames to a server. @returns messages that the server received and frames that it sent, in order */
function run(frames: readonly Buffer[], chunkBytes: number): string[] {
  const events: string[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write(bytes: Buffer, _encoding, done) {
      events.push(sent(bytes));
      done();
    },
  }) as Socket;
  const budget = createMemoryBudget({
    uses: ["message"],
    smallBytes: 0,
    totalBytes: 4 * MIB,
    shareBytes: 4 * MIB,
    waitMs: 0,
  });
  const webSocket = new ServerWebSocket(
    socket,
    {
      pool: createPayloadPool(MIB, createCounters()),
      deadlines: { finish: () => undefined, destroyWithin: () => undefined },
      workSlices: createTurns().slices,
      // Its turns have time for each chunk, because all chunks arrive in one.
      turns: new FairTurns(new AcceptPressure(), () => 0),
      uploads: new Uploads(budget.isShort, () => undefined),
    },
    {
      maxMessageBytes: MIB,
      address: () => "127.0.0.1",
      openLease: () => budget.open("message", "client"),
    },
  );
  webSocket.start(
    {
      message: (bytes, isBinary) => void events.push(`${isBinary ? "binary" : "text"} ${bytes}`),
      closed: () => undefined,
      broke: () => undefined,
    },
    Buffer.alloc(0),
  );
  const all = Buffer.concat(frames);
  for (let at = 0; at < all.length; at += chunkBytes)
    socket.emit("data", Buffer.from(all.subarray(at, at + chunkBytes)));
  socket.destroy();
  return events;
}

const NORMAL = clientClose(1000);
const VIOLATION = "close 1002";
const NOT_UTF8 = "close 1007";
const BINARY_PING = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff);
const binaryPong = `pong ${Buffer.from(BINARY_PING).toString("latin1")}`;
const LENGTHS = [0, 125, 126, 127, 128, 65_535, 65_536];
const VALID_TEXT = Buffer.from("κόσμε-Grüße");
/** Valid text, a surrogate, valid text. */
const PARTS = [Buffer.from("κόσμε"), Buffer.from("eda080", "hex"), Buffer.from("edited")] as const;
const INVALID = Buffer.concat(PARTS);

const framing: Case[] = [TEXT, BINARY].flatMap((opcode, i) => {
  const kind = opcode === TEXT ? "text" : "binary";
  const of = (length: number) => "*".repeat(length);
  return [
    ...LENGTHS.map(
      (length, n): Case => [
        `1.${i + 1}.${n + 1}`,
        [frame(opcode, of(length)), NORMAL],
        [`${kind} ${of(length)}`, "close 1000"],
      ],
    ),
    [`1.${i + 1}.8`, [frame(opcode, of(65_536)), NORMAL], [`${kind} ${of(65_536)}`, "close 1000"], 997],
  ];
});

const pings: Case[] = [
  ["2.1", [ping(), NORMAL], ["pong ", "close 1000"]],
  ["2.2", [ping("Hello"), NORMAL], ["pong Hello", "close 1000"]],
  ["2.3", [ping(BINARY_PING), NORMAL], [binaryPong, "close 1000"]],
  ["2.4", [ping("p".repeat(125)), NORMAL], [`pong ${"p".repeat(125)}`, "close 1000"]],
  ["2.5", [ping("p".repeat(126)), NORMAL], [VIOLATION]],
  ["2.6", [ping("p".repeat(125)), NORMAL], [`pong ${"p".repeat(125)}`, "close 1000"], 1],
  ["2.7", [frame(PONG), NORMAL], ["close 1000"]],
  ["2.8", [frame(PONG, "unsolicited"), NORMAL], ["close 1000"]],
  ["2.9", [frame(PONG, "unsolicited"), ping("x"), NORMAL], ["pong x", "close 1000"]],
  ["2.10", [...repeated(10, ping("x")), NORMAL], [...repeated(10, "pong x"), "close 1000"]],
  ["2.11", [...repeated(10, ping("x")), NORMAL], [...repeated(10, "pong x"), "close 1000"], 1],
];

const reservedBits: Case[] = [
  ["3.1", [reserved(TEXT, 1, "x"), ping()], [VIOLATION]],
  ["3.2", [text("x"), reserved(TEXT, 2, "y"), ping()], ["text x", VIOLATION]],
  ["3.3", [text("x"), reserved(TEXT, 3, "y"), ping()], ["text x", VIOLATION], 7],
  ["3.4", [text("x"), reserved(TEXT, 4, "y"), ping()], ["text x", VIOLATION], 1],
  ["3.5", [reserved(BINARY, 5, "x"), ping()], [VIOLATION]],
  ["3.6", [reserved(PING, 6, "x")], [VIOLATION]],
  ["3.7", [reserved(CLOSE, 7)], [VIOLATION]],
];

const opcodes: Case[] = [3, 11].flatMap((from, i) =>
  [0, 1, 2, 3, 4].map((n): Case => {
    const unknown = frame(from + n, n === 0 || n === 2 ? "" : "payload");
    const number = `4.${i + 1}.${n + 1}`;
    return n < 2
      ? [number, [unknown, ping()], [VIOLATION]]
      : [number, [text("x"), unknown, ping()], ["text x", VIOLATION]];
  }),
);

const halves = [first("half"), last("whole")];
const wholeText = "text halfwhole";
const withPing = [first("half"), ping("x"), last("whole"), NORMAL];
const nothingToContinue = [last("non-continuation"), text("x")];
const nothingToContinueYet = [middle("non-continuation"), text("x")];
const manyFragments = [
  first("1"),
  middle("2"),
  ping("a"),
  middle("3"),
  middle("4"),
  ping("b"),
  last("5"),
  NORMAL,
];
const manyEvents = ["pong a", "pong b", "text 12345", "close 1000"];
const fragmentation: Case[] = [
  ["5.1", [frame(PING, "a", false), last("b")], [VIOLATION]],
  ["5.2", [frame(PONG, "a", false), last("b")], [VIOLATION]],
  ["5.3", [...halves, NORMAL], [wholeText, "close 1000"]],
  ["5.4", [...halves, NORMAL], [wholeText, "close 1000"], 10],
  ["5.5", [...halves, NORMAL], [wholeText, "close 1000"], 1],
  ["5.6", withPing, ["pong x", wholeText, "close 1000"]],
  ["5.7", withPing, ["pong x", wholeText, "close 1000"], 10],
  ["5.8", withPing, ["pong x", wholeText, "close 1000"], 1],
  ["5.9", nothingToContinue, [VIOLATION]],
  ["5.10", nothingToContinue, [VIOLATION], 22],
  ["5.11", nothingToContinue, [VIOLATION], 1],
  ["5.12", nothingToContinueYet, [VIOLATION]],
  ["5.13", nothingToContinueYet, [VIOLATION], 22],
  ["5.14", nothingToContinueYet, [VIOLATION], 1],
  ["5.15", [...halves, middle("x"), text("y")], [wholeText, VIOLATION]],
  ["5.16", repeated(2, [middle("x"), ...halves]).flat(), [VIOLATION]],
  ["5.17", repeated(2, [last("x"), ...halves]).flat(), [VIOLATION]],
  ["5.18", [first("a"), text("b")], [VIOLATION]],
  ["5.19", manyFragments, manyEvents],
  ["5.20", manyFragments, manyEvents, 1],
];

const [valid, surrogate, edited] = PARTS;
const utf8: Case[] = [
  ["6.1.1", [text(""), NORMAL], ["text ", "close 1000"]],
  ["6.1.2", [first(""), middle(""), last(""), NORMAL], ["text ", "close 1000"]],
  ["6.1.3", [first(""), middle("x"), last(""), NORMAL], ["text x", "close 1000"]],
  ["6.2.1", [text(VALID_TEXT), NORMAL], [`text ${VALID_TEXT}`, "close 1000"]],
  ["6.2.2", [first("κόσμε"), last("-Grüße"), NORMAL], [`text ${VALID_TEXT}`, "close 1000"]],
  ["6.2.3", [...inSingleBytes(VALID_TEXT), NORMAL], [`text ${VALID_TEXT}`, "close 1000"]],
  ["6.2.4", [...inSingleBytes(valid), NORMAL], [`text ${valid}`, "close 1000"], 1],
  ["6.3.1", [text(INVALID)], [NOT_UTF8]],
  ["6.3.2", inSingleBytes(INVALID), [NOT_UTF8]],
  // The server validates complete messages, which the test suite counts as non-strict for 6.4.
  ["6.4.1", [first(valid), middle(surrogate), last(edited)], [NOT_UTF8]],
  ["6.4.2", [first(valid), middle(surrogate.subarray(0, 2)), last(edited)], [NOT_UTF8]],
  ["6.4.3", [text(INVALID)], [NOT_UTF8], 10],
  ["6.4.4", [text(INVALID)], [NOT_UTF8], 1],
];

const close = (payload: Payload) => frame(CLOSE, payload);
const codes = (section: string, list: readonly number[], answer: (code: number) => string): Case[] =>
  list.map((code, i): Case => [`${section}.${i + 1}`, [clientClose(code)], [answer(code)]]);
const closing: Case[] = [
  ["7.1.1", [text("x"), NORMAL], ["text x", "close 1000"]],
  ["7.1.2", [NORMAL, NORMAL], ["close 1000"]],
  ["7.1.3", [NORMAL, ping()], ["close 1000"]],
  ["7.1.4", [NORMAL, text("x")], ["close 1000"]],
  ["7.1.5", [first("a"), NORMAL, last("b")], ["close 1000"]],
  ["7.1.6", [text("*".repeat(MIB / 4)), NORMAL, ping()], [`text ${"*".repeat(MIB / 4)}`, "close 1000"]],
  ["7.3.1", [clientClose()], ["close"]],
  ["7.3.2", [close("a")], [VIOLATION]],
  ["7.3.3", [NORMAL], ["close 1000"]],
  ["7.3.4", [clientClose(1000, "Hello")], ["close 1000"]],
  ["7.3.5", [clientClose(1000, "*".repeat(123))], ["close 1000"]],
  ["7.3.6", [clientClose(1000, "*".repeat(124))], [VIOLATION]],
  ["7.5.1", [close(Buffer.concat([Buffer.from("03e8", "hex"), INVALID]))], [NOT_UTF8]],
  ...codes(
    "7.7",
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999],
    (code) => `close ${code}`,
  ),
  ...codes("7.9", [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999], () => VIOLATION),
  ...codes("7.13", [5000, 65_535], () => VIOLATION),
];

describe.each([
  ["1 framing", framing],
  ["2 pings and pongs", pings],
  ["3 reserved bits", reservedBits],
  ["4 opcodes", opcodes],
  ["5 fragmentation", fragmentation],
  ["6 UTF-8", utf8],
  ["7 close handling", closing],
] as const)("section %s", (_section, cases) => {
  test.each(
    cases.map(([number, frames, expected, chunkBytes = MIB]) => ({ number, frames, expected, chunkBytes })),
  )("passes case $number", ({ frames, expected, chunkBytes }) => {
    expect(run(frames, chunkBytes)).toEqual(expected);
  });
});

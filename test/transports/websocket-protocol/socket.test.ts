/** Server-side WebSocket over a real connection. The test writes the bytes of the client. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createMemoryBudget } from "../../../src/access/limits/memory-budget.ts";
import { Uploads } from "../../../src/access/limits/upload-memory.ts";
import { AcceptPressure } from "../../../src/domain/scheduling/accept-pressure.ts";
import { FairTurns } from "../../../src/domain/scheduling/fair-turns.ts";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { SocketDeadlines } from "../../../src/transports/response/sockets/socket-deadlines.ts";
import { createPayloadPool } from "../../../src/transports/websocket-protocol/memory/buffer-pool.ts";
import { ServerWebSocket } from "../../../src/transports/websocket-protocol/socket.ts";
import { BINARY, clientClose, clientFrame, PING, PONG, TEXT } from "../../support/clients/client-frames.ts";
import { silent } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

let server: Server;
let client: Socket;
let served: Socket;
let webSocket: ServerWebSocket;
let deadlines: SocketDeadlines;
/** Reported events, in order. */
let events: string[];
/** Bytes received by the client. */
let received: Buffer;
let isClientClosed: boolean;

beforeEach(async () => {
  events = [];
  received = Buffer.alloc(0);
  isClientClosed = false;
  // Like the sockets of Node's HTTP server.
  server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => undefined);
  client.on("close", () => {
    isClientClosed = true;
  });
  client.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  served = await accepted;
  served.on("error", () => undefined);
  open();
});

function open(turns: FairTurns = createTurns().requests): void {
  const pool = createPayloadPool(2 ** 20, createCounters());
  deadlines = new SocketDeadlines({
    handshakeTimeoutMs: 10_000,
    uploadTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    isShort: () => false,
    onWriteTimeout: () => undefined,
    logger: silent,
  });
  const budget = createMemoryBudget({
    uses: ["message"],
    smallBytes: 0,
    totalBytes: 2 ** 20,
    shareBytes: 2 ** 20,
    waitMs: 0,
  });
  webSocket = new ServerWebSocket(
    served,
    {
      pool,
      deadlines,
      workSlices: createTurns().slices,
      turns,
      uploads: new Uploads(budget.isShort, () => undefined),
    },
    {
      maxMessageBytes: 2 ** 20,
      address: () => "127.0.0.1",
      openLease: () => budget.open("message", "client"),
    },
  );
}

/** Opens the WebSocket again, with deadlines on a clock that the test controls. */
function openOnFakeClock(): void {
  deadlines.close();
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  open();
}

afterEach(async () => {
  vi.useRealTimers();
  client.destroy();
  served.destroy();
  deadlines.close();
  await new Promise((resolve) => server.close(resolve));
});

function start(head: Buffer = Buffer.alloc(0)): void {
  const words = events;
  webSocket.start(
    {
      message: (bytes, isBinary) =>
        void words.push(`${isBinary ? "binary" : "text"} ${bytes.toString("latin1")}`),
      pong: () => void words.push("pong"),
      closed: (code) => void words.push(`closed ${code}`),
      broke: (error) => void words.push(`broke ${error.closeCode}`),
    },
    head,
  );
}

const text = (payload: string) => clientFrame({ opcode: TEXT, payload: Buffer.from(payload) });
const ping = (payload: string) => clientFrame({ opcode: PING, payload: Buffer.from(payload) });
const reports = (...expected: readonly string[]) =>
  until(
    () => `${events} is ${expected}`,
    () => events.length === expected.length && events.every((one, i) => one === expected[i]),
  );
const arrives = (hex: string) =>
  until(
    () => `the client gets ${hex}, not only ${received.toString("hex")}`,
    () => received.toString("hex") === hex,
  );
const ended = () =>
  until("the server has ended the connection", () => client.readableEnded || isClientClosed);

describe("messages", () => {
  test("arrive in order, those received with the handshake first", async () => {
    start(Buffer.concat([text("one"), text("two").subarray(0, 3)]));
    client.write(Buffer.concat([text("two").subarray(3), text("three")]));
    await reports("text one", "text two", "text three");
  });

  test("do not arrive while the socket is paused, except those already read, and all arrive after resume", async () => {
    start();
    client.write(text("first"));
    await reports("text first");
    webSocket.pause();
    expect(webSocket.isPaused()).toBe(true);
    const payload = "x".repeat(10_000);
    for (let i = 0; i < 2000; i++) client.write(text(`${i} ${payload}`));
    // More than the kernel buffers, so the rest stays at the client.
    await until("the client is held up", () => client.writableLength > 0);
    const held = events.length;
    expect(held).toBeLessThan(100);
    webSocket.resume();
    await until("all messages arrive", () => events.length === 2001);
    expect(events.slice(1).map((one) => Number.parseInt(one.slice(5), 10))).toEqual(
      Array.from({ length: 2000 }, (_, i) => i),
    );
  });
});

describe("large messages in busy turns", () => {
  const MANY = 20;
  const large = (i: number) => `${i} ${"x".repeat(600_000)}`;
  const expected = Array.from({ length: MANY }, (_, i) => `text ${large(i)}`);

  beforeEach(() => {
    deadlines.close();
    let now = 0;
    // Every turn is over as soon as it has begun.
    open(
      new FairTurns(new AcceptPressure(), () => {
        now += 100;
        return now;
      }),
    );
    start();
  });

  test("arrive whole and in order, and so do small ones between them", async () => {
    for (let i = 0; i < MANY; i++) client.write(Buffer.concat([text(large(i)), text("small")]));
    await until("all arrive", () => events.length === 2 * MANY);
    expect(events.filter((_, i) => i % 2 === 0)).toEqual(expected);
    expect(events.filter((_, i) => i % 2 === 1)).toEqual(Array.from({ length: MANY }, () => "text small"));
  });

  test("arrive before the server ends the connection that the client has ended", async () => {
    let arrived = 0;
    const end = served.end.bind(served);
    served.end = () => {
      arrived = events.length;
      return end();
    };
    for (let i = 0; i < MANY; i++) client.write(text(large(i)));
    client.end();
    await until("the server ends it", () => arrived > 0);
    expect(arrived).toBe(MANY);
    expect(events.slice(0, MANY)).toEqual(expected);
  });

  test("wait while the socket is paused", async () => {
    webSocket.pause();
    client.write(text(large(0)));
    await eventLoopTurns(20);
    expect(events).toEqual([]);
    webSocket.resume();
    await until("it arrives", () => events.length === 1);
  });
});

describe("many frames in one read", () => {
  const FRAMES = 5000;
  const flood = () => Buffer.concat(Array.from({ length: FRAMES }, (_, i) => text(`${i}`)));
  const inOrder = Array.from({ length: FRAMES }, (_, i) => `text ${i}`);

  test("are handled over several event-loop turns, in order", async () => {
    let maxInTurn = 0;
    let before = 0;
    const watch = () => {
      maxInTurn = Math.max(maxInTurn, events.length - before);
      before = events.length;
      if (events.length < FRAMES) setImmediate(watch);
    };
    start(flood());
    watch();
    await until("all messages arrive", () => events.length === FRAMES);
    expect(events).toEqual(inOrder);
    // Two turns may pass between two calls of `watch`.
    expect(maxInTurn).toBeLessThanOrEqual(2 * 256);
  });

  test("wait while the socket is paused, with those received after them", async () => {
    start(flood());
    webSocket.pause();
    client.write(text("later"));
    await eventLoopTurns(50);
    expect(events.length).toBeLessThanOrEqual(256);
    webSocket.resume();
    await until("all messages arrive", () => events.length === FRAMES + 1);
    expect(events).toEqual([...inOrder, "text later"]);
  });

  test("are handled before the connection closes", async () => {
    start(flood());
    webSocket.pause();
    served.destroy();
    await until("the connection has closed", () => events.at(-1)?.startsWith("closed") === true);
    expect(events).toEqual([...inOrder, "closed 1006"]);
  });

  test("are discarded after the gateway has closed the connection, up to the client's answer", async () => {
    start(Buffer.concat([flood(), clientClose(1000, "")]));
    webSocket.close(1008, "");
    await until("the connection has closed", () => events.at(-1)?.startsWith("closed") === true);
    expect(events.length).toBeLessThanOrEqual(256 + 1);
    expect(events.at(-1)).toBe("closed 1000");
  });
});

describe("pings and pongs", () => {
  test("answers a ping with its payload, byte by byte", async () => {
    start();
    client.write(ping("Hello"));
    await arrives("8a0548656c6c6f");
    client.write(ping(""));
    await arrives("8a0548656c6c6f8a00");
  });

  test("sends an empty ping, and reports its pong", async () => {
    start();
    webSocket.ping();
    await arrives("8900");
    client.write(clientFrame({ opcode: PONG }));
    await reports("pong");
  });

  test("answers the first pings of a chunk and the last one, all of few", async () => {
    start();
    const pings = (count: number) => Buffer.concat(Array.from({ length: count }, (_, i) => ping(`${i}`)));
    const answered = () => [...received.toString("latin1").matchAll(/\x8a.(\d+)/g)].map(([, i]) => Number(i));
    client.write(pings(10));
    await until("all are answered", () => answered().length === 10);
    received = Buffer.alloc(0);
    client.write(pings(5000));
    await until("the last is answered", () => answered().at(-1) === 4999);
    expect(answered().length).toBeLessThan(500);
    expect(answered()).toEqual(answered().toSorted((a, b) => a - b));
  });

  test("answers only the last ping of a client that does not read, after it has read", async () => {
    start();
    client.pause();
    served.write(Buffer.alloc(8 * 2 ** 20));
    await until("it is not read", () => served.writableLength > 2 ** 20);
    const before = served.writableLength;
    for (let i = 0; i < 10_000; i++) client.write(ping(`ping ${i}`));
    client.write(text("the end of them"));
    await reports("text the end of them");
    expect(served.writableLength).toBeLessThanOrEqual(before);
    client.resume();
    await until("the pong arrives", () => received.length > 8 * 2 ** 20);
    expect(received.subarray(8 * 2 ** 20).toString("latin1")).toBe("\x8a\x09ping 9999");
    // Afterwards each ping is answered again.
    client.write(ping("x"));
    await until("the next pong arrives", () => received.subarray(-3).toString("hex") === "8a0178");
  });
});

describe("hasReceived", () => {
  test("counts any data since the previous call", async () => {
    start();
    expect(webSocket.hasReceived()).toBe(false);
    client.write(text("x"));
    await reports("text x");
    expect(webSocket.hasReceived()).toBe(true);
    expect(webSocket.hasReceived()).toBe(false);
    // Includes the beginning of a large message.
    client.write(Buffer.from("82ff", "hex"));
    await until("it is received", () => webSocket.hasReceived());
  });

  test("is true for a paused socket, unless its client does not read", async () => {
    start();
    webSocket.pause();
    expect(webSocket.hasReceived()).toBe(true);
    expect(webSocket.hasReceived()).toBe(true);
    client.pause();
    served.write(Buffer.alloc(8 * 2 ** 20));
    await until("it is not read", () => served.writableLength > 0);
    expect(webSocket.hasReceived()).toBe(false);
  });
});

describe("the client closes", () => {
  test.each([
    ["with a code, which it gets back", clientClose(1000, "bye"), "880203e8", 1000],
    ["with a code of its own", clientClose(4321), "880210e1", 4321],
    ["with none", clientClose(), "8800", 1005],
  ])("%s", async (_how, frame, answer, code) => {
    start();
    client.write(Buffer.concat([text("last"), frame, text("too late")]));
    await arrives(answer);
    await ended();
    expect(webSocket.isOpen()).toBe(false);
    client.end();
    await reports("text last", `closed ${code}`);
    webSocket.close(1001, "never sent");
    webSocket.ping();
    expect(received.toString("hex")).toBe(answer);
  });

  test("by ending the connection without a close frame: 1006", async () => {
    start();
    client.end(text("last"));
    await reports("text last", "closed 1006");
    await ended();
    expect(received.length).toBe(0);
  });

  test("by resetting the connection: 1006", async () => {
    start();
    client.write(text("last"));
    await reports("text last");
    client.resetAndDestroy();
    await reports("text last", "closed 1006");
  });

  test("and messages sent before are delivered, even if the socket was paused", async () => {
    start();
    webSocket.pause();
    client.write(text("one"));
    client.end(text("two"));
    await until("it has ended", () => client.writableFinished);
    webSocket.resume();
    await reports("text one", "text two", "closed 1006");
  });

  test("but does not end the connection: the socket is destroyed after the linger time", async () => {
    openOnFakeClock();
    start();
    client.write(clientClose(1000));
    await vi.waitUntil(() => received.toString("hex") === "880203e8");
    expect(events).toEqual([]);
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await reports("closed 1000");
  });
});

describe("the server closes", () => {
  test("with a code and a reason; the answer ends the connection, and later messages are ignored", async () => {
    start();
    webSocket.close(1001, "the gateway stops");
    webSocket.close(1008, "never sent");
    await arrives(`881303e9${Buffer.from("the gateway stops").toString("hex")}`);
    expect(webSocket.isOpen()).toBe(false);
    client.write(Buffer.concat([text("too late"), ping("not answered"), clientClose(1001)]));
    await ended();
    client.end();
    await reports("closed 1001");
    expect(received.length).toBe(21);
  });

  test("with a reason of the maximum length", async () => {
    start();
    const reason = "ü".repeat(61);
    webSocket.close(1008, `${reason}.`);
    await arrives(`887d03f0${Buffer.from(`${reason}.`).toString("hex")}`);
  });

  test("and resumes reading a paused socket, so that its client can finish writing", async () => {
    start();
    webSocket.pause();
    client.write(Buffer.alloc(8 * 2 ** 20, text("x".repeat(100))));
    await until("the client is held up", () => client.writableLength > 0);
    webSocket.close(1008, "");
    webSocket.pause();
    await until("all is taken", () => client.writableLength === 0);
    client.end(clientClose(1008));
    await until("the socket has closed", () => events.some((one) => one.startsWith("closed")));
  });

  test("and receives no close frame: the socket is destroyed after the close time", async () => {
    openOnFakeClock();
    start();
    webSocket.close(1001, "");
    await vi.waitUntil(() => received.toString("hex") === "880203e9");
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await reports("closed 1006");
  });

  test("without effect if the connection is already closed", async () => {
    start();
    client.resetAndDestroy();
    await reports("closed 1006");
    webSocket.close(1001, "");
    webSocket.ping();
    webSocket.terminate();
    webSocket.resume();
    await reports("closed 1006");
  });

  test("and closes immediately when the client answers", async () => {
    start();
    webSocket.close(1000, "");
    client.end(clientClose(1000));
    await reports("closed 1000");
  });

  test("by destroying the connection", async () => {
    start();
    webSocket.terminate();
    await reports("closed 1006");
  });
});

describe("the client violates the protocol", () => {
  test("reports it once, closes with the code and the reason, and discards later data", async () => {
    start();
    client.write(Buffer.concat([text("good"), clientFrame({ opcode: 3 }), text("bad"), clientClose(1000)]));
    const reason = "PROTOCOL_ERROR: the opcode 3 is unknown";
    await arrives(`88${(reason.length + 2).toString(16)}03ea${Buffer.from(reason).toString("hex")}`);
    await ended();
    for (let i = 0; i < 100; i++) client.write(clientFrame({ opcode: 4, payload: Buffer.alloc(1000) }));
    client.end();
    await reports("text good", "broke 1002", "closed 1006");
  });

  test("delivers the reason even if the client has sent much more", async () => {
    start();
    client.write(Buffer.alloc(4 * 2 ** 20, "not a frame"));
    await ended();
    expect(received.subarray(0, 1).toString("hex")).toBe("88");
    expect(received.toString()).toContain("PROTOCOL_ERROR");
  });

  test("destroys the connection if it happens after the server's close frame", async () => {
    start();
    webSocket.close(1001, "");
    client.write(clientFrame({ opcode: BINARY, mask: undefined }));
    await ended();
    client.end();
    await reports("broke 1002", "closed 1006");
    expect(received.toString("hex")).toBe("880203e9");
  });
});

/**
 * Clients that send part of a request, or nothing, and then neither read nor close. The gateway must destroy each
 * connection within the deadlines of its settings, in any state.
 */
import type { Attack, HostileClient } from "../hostile/attack.ts";
import { BIG_STREAM, SMALL_STREAM } from "../hostile/attack.ts";
import { frame, text } from "../hostile/frames.ts";

/** Time (ms) that a client waits for the gateway to disconnect it. Longer than every deadline of the checked gateway. */
const HOLDS_MS = 20_000;
const DRIP_MS = 100;

/** Sends `first`, stops reading, and keeps the connection open. */
const silent = (name: string, first: (client: HostileClient) => readonly (string | Buffer)[]): Attack => ({
  name: `slow: ${name}`,
  async run(client) {
    const socket = client.connect();
    socket.stopReading();
    for (const data of first(client)) socket.write(data);
    await socket.over(HOLDS_MS);
  },
});

/** Upgrades, sends `frames`, stops reading, and keeps the connection open. It never answers a ping. */
const silentWebSocket = (name: string, path: string, frames: readonly (string | Buffer)[] = []): Attack => ({
  name: `slow: WebSocket that ${name}`,
  async run(client) {
    const socket = client.connect();
    const protocol = path.startsWith("/graphql") ? { "Sec-WebSocket-Protocol": "graphql-transport-ws" } : {};
    socket.write(client.upgrade(path, protocol));
    await socket.received(/\r\n\r\n/, HOLDS_MS);
    for (const data of frames) socket.write(data);
    socket.stopReading();
    await socket.over(HOLDS_MS);
  },
});

/** Sends `start`, then one byte of `rest` at a time. */
const dripping = (name: string, start: (client: HostileClient) => string, byte: string): Attack => ({
  name: `slow: ${name}, byte by byte`,
  async run(client) {
    const socket = client.connect();
    socket.stopReading();
    socket.write(start(client));
    for (let ms = 0; ms < HOLDS_MS && !socket.isOver && !client.signal.aborted; ms += DRIP_MS) {
      await client.wait(DRIP_MS);
      socket.write(byte);
    }
  },
});

const stoppedBody = (path: string, type: string, start: string): Attack =>
  silent(`body of POST ${path} as ${type.split(";")[0]} that stops`, ({ head }) => [
    head("POST", path, { "Content-Type": type, "Content-Length": 1000 }),
    start,
  ]);

const MULTIPART_START = '--b\r\nContent-Disposition: form-data; name="entries"\r\n\r\nhel';

/** The attacks of this kind. */
export const SLOW: readonly Attack[] = [
  silent("nothing", () => []),
  silent("half a request line", () => ["GET /da"]),
  silent("half a head", ({ head }) => [head("GET", "/healthz").slice(0, -4)]),
  silent("garbage", () => ["garbage\r\n\r\n"]),
  silent("TLS in plain text", () => [Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3])]),
  silent("head too large", ({ head }) => [head("GET", "/healthz", { "X-Large": "a".repeat(70_000) })]),
  silent("head with a bad header", () => ["GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n"]),
  silent("no Host", () => ["GET /healthz HTTP/1.1\r\n\r\n"]),
  silent("expectation", ({ head }) => [
    head("POST", "/data/hostile-a", { Expect: "100-continue", "Content-Length": 5 }),
  ]),
  silent("unknown expectation", ({ head }) => [head("GET", "/healthz", { Expect: "200-maybe" })]),
  silent("answered request, then silence", ({ head }) => [head("GET", "/healthz")]),
  silent("answered request with Connection: close", ({ head }) => [
    head("GET", "/healthz", { Connection: "close" }),
  ]),
  silent("CONNECT", () => ["CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"]),
  silent("upgrade to something else", ({ upgrade }) => [upgrade("/healthz", { Upgrade: "h2c" })]),
  silent("upgrade of an unknown route", ({ upgrade }) => [upgrade("/nothing")]),
  silent("upgrade under a foreign Host", ({ upgrade }) => [
    upgrade(`/data/${SMALL_STREAM}/pull`, { Host: "evil.example" }),
  ]),
  silent("upgrade of an unknown version", ({ upgrade }) => [
    upgrade(`/data/${SMALL_STREAM}/pull`, { "Sec-WebSocket-Version": 8 }),
  ]),
  silent("upgrade with a bad parameter", ({ upgrade }) => [upgrade(`/data/${SMALL_STREAM}/pull?count=-1`)]),
  silent("events with a bad parameter", ({ head }) => [
    head("GET", `/data/${SMALL_STREAM}/events?latest=maybe`),
  ]),
  stoppedBody("/data/hostile-a", "application/octet-stream", "x"),
  stoppedBody("/data/hostile-a?format=json", "application/json", "[["),
  stoppedBody("/data/hostile-a?format=msgpack", "application/msgpack", "\x91"),
  stoppedBody("/data/hostile-a", "multipart/form-data; boundary=b", MULTIPART_START),
  stoppedBody("/login", "application/json", '{"token":"'),
  stoppedBody("/login", "application/x-www-form-urlencoded", "token="),
  stoppedBody("/tickets", "application/json", "{"),
  stoppedBody("/graphql", "application/json", '{"query":"'),
  silent("chunked body that stops", ({ head }) => [
    head("POST", "/data/hostile-a", { "Transfer-Encoding": "chunked" }),
    "5\r\nhe",
  ]),
  dripping("request line", () => "GET /", "a"),
  dripping("head", ({ head }) => head("GET", "/healthz").slice(0, -2), "X: y\r\n"),
  dripping("body", ({ head }) => head("POST", "/data/hostile-a", { "Content-Length": 1_000_000 }), "x"),
  dripping(
    "chunked body",
    ({ head }) => head("POST", "/data/hostile-a", { "Transfer-Encoding": "chunked" }),
    "1\r\nx\r\n",
  ),
  dripping("login", ({ head }) => head("POST", "/login", { "Content-Length": 10_000 }), "x"),
  silentWebSocket("pulls and is silent", `/data/${SMALL_STREAM}/pull`),
  silentWebSocket("pulls history and does not read", `/data/${BIG_STREAM}/pull?last_entry_id=0&count=10`),
  silentWebSocket("pushes nothing", "/data/hostile-a/push"),
  silentWebSocket("pushes half a frame", "/data/hostile-a/push", [frame("x", { claims: 1000, opcode: 2 })]),
  silentWebSocket("claims a frame of 60 MB", "/data/hostile-a/push?header=0", [
    frame("x", { claims: 60_000_000 }),
  ]),
  silentWebSocket("leaves a message unfinished", "/data/hostile-a/push?header=0", [
    frame("x", { fin: false }),
    frame("y", { fin: false, opcode: 0 }),
  ]),
  silentWebSocket("breaks the protocol", "/data/hostile-a/push", [Buffer.from([0xff, 0xff, 0, 0])]),
  silentWebSocket("closes and stays", "/data/hostile-a/push", [frame("\x03\xe8", { opcode: 8 })]),
  silentWebSocket("never acknowledges", `/data/${SMALL_STREAM}/pull?ack=1&last_entry_id=0`),
  silentWebSocket("sends GraphQL nothing", "/graphql"),
  silentWebSocket("subscribes to nothing it reads", "/graphql", [
    text('{"type":"connection_init"}'),
    text(
      `{"id":"1","type":"subscribe","payload":{"query":"subscription{data(streamIds:{${JSON.stringify(BIG_STREAM).slice(1, -1).replaceAll("-", "_")}:\\"0\\"}){string}}"}}`,
    ),
  ]),
];

/** Clients that violate HTTP, WebSocket, GraphQL or the gateway's protocol, with fixed and random input. */
import { type Attack, type HostileClient, SMALL_STREAM } from "../hostile/attack.ts";
import { frame, text } from "../hostile/frames.ts";

const ANSWER_MS = 1500;

const send = (name: string, make: (client: HostileClient) => string | Buffer): Attack => ({
  name: `malformed: ${name}`,
  async run(client) {
    const socket = client.connect();
    socket.write(make(client));
    await socket.received(/^HTTP\/1\.[01] [2-5]/, ANSWER_MS);
  },
});

const frames = (name: string, path: string, ...sent: readonly (string | Buffer)[]): Attack => ({
  name: `malformed: ${name}`,
  async run(client) {
    const socket = client.connect();
    const protocol = path.startsWith("/graphql") ? { "Sec-WebSocket-Protocol": "graphql-transport-ws" } : {};
    socket.write(client.upgrade(path, protocol));
    await socket.received(/\r\n\r\n/, ANSWER_MS);
    for (const data of sent) socket.write(data);
    await socket.over(ANSWER_MS);
  },
});

/** Every route, as a valid path. */
const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/"],
  ["GET", "/healthz"],
  ["GET", "/readyz"],
  ["GET", "/metrics"],
  ["GET", "/login"],
  ["POST", "/login"],
  ["POST", "/logout"],
  ["POST", "/tickets"],
  ["GET", "/openapi.json"],
  ["GET", "/asyncapi.json"],
  ["GET", "/send"],
  ["GET", "/docs"],
  ["GET", "/docs/static/swagger-ui.css"],
  ["GET", "/console/"],
  ["GET", "/admin/connections"],
  ["DELETE", "/admin/connections/1"],
  ["GET", "/graphql"],
  ["POST", "/graphql"],
  ["PUT", "/graphql/stream"],
  ["DELETE", "/graphql?operationId=1"],
  ["GET", `/data/${SMALL_STREAM}?block=0`],
  ["POST", "/data/hostile-a"],
  ["GET", `/data/${SMALL_STREAM}/entries`],
  ["GET", `/data/${SMALL_STREAM}/entries/last`],
  ["GET", `/data/${SMALL_STREAM}/events`],
  ["GET", `/data/${SMALL_STREAM}/mjpeg`],
  ["GET", `/data/${SMALL_STREAM}/pull`],
  ["GET", "/data/hostile-a/push"],
  ["GET", `/data/${SMALL_STREAM}/work`],
  ["GET", `/data/${SMALL_STREAM}/work/hostile`],
  ["POST", `/data/${SMALL_STREAM}/work/hostile?consumer=h`],
  ["POST", `/data/${SMALL_STREAM}/work/hostile/next?consumer=h&wait=0`],
  ["GET", `/data/${SMALL_STREAM}/work/hostile/pending`],
  ["DELETE", `/data/${SMALL_STREAM}/work/hostile`],
];
const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"];
const TAILS = [
  "/..",
  "/../../etc/passwd",
  "/%2e%2e/%2e%2e/",
  "/%",
  "/%zz",
  "/%00",
  "?%",
  "?a[b]=c",
  "?count=1e99",
  "?count=-1",
  "?last_entry_id=%00",
  "?last_entry_id=99999999999999999999-99999999999999999999",
  "?block=Infinity",
  "?format=../../x",
  "?device_id=%0d%0aX:y",
  "?__proto__=1&constructor=2",
  "?latest=1&latest=0",
  `?${"a".repeat(5000)}`,
];

const bytes = ({ random }: HostileClient, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => Math.floor(random.between(0, 256))));

/** Returns a valid request with some bytes changed, removed or repeated. */
function mutated(client: HostileClient, valid: Buffer): Buffer {
  const { random } = client;
  let result = Buffer.from(valid);
  for (let i = Math.floor(random.between(1, 6)); i > 0; i--) {
    const at = Math.floor(random.between(0, result.length));
    const end = Math.min(result.length, at + Math.floor(random.between(1, 10)));
    const how = random.one(["change", "remove", "repeat"]);
    if (how === "change") result[at] = Math.floor(random.between(0, 256));
    else if (how === "remove") result = Buffer.concat([result.subarray(0, at), result.subarray(end)]);
    else result = Buffer.concat([result.subarray(0, end), result.subarray(at)]);
  }
  return result;
}

/** The attacks of this kind. */
export const MALFORMED: readonly Attack[] = [
  send("random bytes", (client) => bytes(client, 2000)),
  send("random bytes after a head", (client) =>
    Buffer.concat([
      Buffer.from(client.head("POST", "/data/hostile-a", { "Transfer-Encoding": "chunked" })),
      bytes(client, 500),
    ]),
  ),
  send("any route with any method and any tail", (client) => {
    const [, path] = client.random.one(ROUTES);
    return client.head(client.random.one(METHODS), path + client.random.one(TAILS), { "Content-Length": 0 });
  }),
  send("any route with any body", (client) => {
    const [, path] = client.random.one(ROUTES);
    const type = client.random.one([
      "application/json",
      "application/msgpack",
      "multipart/form-data",
      "multipart/form-data; boundary=",
      "text/\0",
      "application/x-www-form-urlencoded",
    ]);
    return client.request("POST", path, bytes(client, 300), type);
  }),
  send("any valid request with changed bytes", (client) => {
    const [method, path] = client.random.one(ROUTES);
    return mutated(client, client.request(method, path, '{"query":"{streamIds}"}'));
  }),
  send("any valid upgrade with changed bytes", (client) =>
    mutated(client, Buffer.from(client.upgrade(`/data/${SMALL_STREAM}/pull`))),
  ),
  send("two lengths", ({ head }) => `${head("POST", "/data/hostile-a", { "Content-Length": "5, 6" })}hello`),
  send(
    "a length and chunks",
    ({ head }) =>
      `${head("POST", "/login", { "Content-Length": 4, "Transfer-Encoding": "chunked" })}0\r\n\r\nGET /`,
  ),
  send("a negative length", ({ head }) => head("POST", "/data/hostile-a", { "Content-Length": -1 })),
  send(
    "a chunk of 2^64 bytes",
    ({ head }) =>
      `${head("POST", "/data/hostile-a", { "Transfer-Encoding": "chunked" })}ffffffffffffffff\r\nx`,
  ),
  send(
    "chunk extensions",
    ({ head }) =>
      `${head("POST", "/data/hostile-a", { "Transfer-Encoding": "chunked" })}1;${"a".repeat(60_000)}\r\nx\r\n0\r\n\r\n`,
  ),
  send("two hosts", () => "GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n"),
  send("bare line feeds", () => "GET /healthz HTTP/1.1\nHost: localhost\n\n"),
  send("HTTP/0.9", () => "GET /healthz\r\n"),
  send("HTTP/2 preface", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  send("an absolute address", () => "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  send("a redirect to another site", ({ head }) => head("GET", "/login?next=/%09/evil.example/%0a%0d%00")),
  send("GraphQL query that is not a string", ({ request }) =>
    request("POST", "/graphql", '{"query":{"a":[]}}'),
  ),
  send("GraphQL without an operation", ({ request }) => request("POST", "/graphql", "[]")),
  send("multipart without an end", ({ request }) =>
    request(
      "POST",
      "/data/hostile-a",
      '--b\r\nContent-Disposition: form-data; name="entries"\r\n\r\nhello',
      "multipart/form-data; boundary=b",
    ),
  ),
  frames("frame with reserved bits", "/data/hostile-a/push", frame("x", { reserved: 7 })),
  frames("frame without a mask", "/data/hostile-a/push", frame("x", { masked: false })),
  frames("frame of 2^63 bytes", "/data/hostile-a/push", Buffer.from([0x82, 0xff, ...Array(8).fill(255)])),
  frames("unknown opcode", "/data/hostile-a/push", frame("x", { opcode: 5 })),
  frames("continuation without a first frame", "/data/hostile-a/push", frame("x", { opcode: 0 })),
  frames("fragmented ping", "/data/hostile-a/push", frame("x", { opcode: 9, fin: false })),
  frames("long ping", "/data/hostile-a/push", frame("x".repeat(200), { opcode: 9 })),
  frames("close with a bad code", "/data/hostile-a/push", frame("\x00\x01", { opcode: 8 })),
  frames(
    "close with bad text",
    "/data/hostile-a/push",
    frame(Buffer.from([3, 232, 255, 254]), { opcode: 8 }),
  ),
  frames("text that is not UTF-8", "/data/hostile-a/push", text(Buffer.from([0xc3, 0x28]))),
  frames("header with descending offsets", "/data/hostile-a/push", text("[9,5]"), frame("123456789")),
  frames("header without a payload", "/data/hostile-a/push", text("[9]"), text("[9]")),
  frames("GraphQL messages out of order", "/graphql", text('{"type":"subscribe","id":"1"}')),
  frames("GraphQL message that is not JSON", "/graphql", text("{"), text("[]"), text("null")),
  frames(
    "GraphQL started twice",
    "/graphql",
    text('{"type":"connection_init"}'),
    text('{"type":"connection_init"}'),
  ),
  {
    name: "malformed: random frames",
    async run(client) {
      const socket = client.connect();
      const path = client.random.one([
        "/data/hostile-a/push",
        "/data/hostile-a/push?format=json",
        "/data/hostile-a/push?format=msgpack&ack=1",
        `/data/${SMALL_STREAM}/pull?control=1`,
        "/graphql",
      ]);
      socket.write(client.upgrade(path, { "Sec-WebSocket-Protocol": "graphql-transport-ws" }));
      await socket.received(/\r\n\r\n/, ANSWER_MS);
      for (let i = 0; i < 20 && !socket.isOver; i++) {
        const opcode = Math.floor(client.random.between(0, 16));
        socket.write(frame(bytes(client, 30), { opcode, fin: client.random.fraction() < 0.7 }));
        await client.wait(5);
      }
    },
  },
];

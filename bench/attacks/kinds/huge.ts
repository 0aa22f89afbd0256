/** Clients that send more than the limits allow, on every route that accepts a body. */
import { type Attack, type HostileClient, SMALL_STREAM } from "../hostile/attack.ts";
import { frame, text } from "../hostile/frames.ts";

const HUGE_BYTES = 60 * 2 ** 20;
/** Time (ms) that a client waits for a response. */
const ANSWER_MS = 5000;
const AT_MOST = 10;

/** Created once for all clients; a write only refers to it. */
const HUGE = Buffer.alloc(HUGE_BYTES, "a");

async function send(client: HostileClient, parts: readonly (string | Buffer)[]): Promise<void> {
  const socket = client.connect();
  for (const part of parts) socket.write(part);
  await socket.received(/^HTTP\/1\.1 [2-5]/, ANSWER_MS);
}

const hugeBody = (path: string, type: string, start = "", end = ""): Attack => ({
  name: `huge: body of 60 MB to ${path} as ${type.split(";")[0]}`,
  atMost: AT_MOST,
  run: (client) =>
    send(client, [
      client.head("POST", path, {
        "Content-Type": type,
        "Content-Length": HUGE.length + start.length + end.length,
      }),
      start,
      HUGE,
      end,
    ]),
});

/** Sends a body without its last byte. */
const endless = (path: string): Attack => ({
  name: `huge: body of 60 MB to ${path} that does not end`,
  atMost: 20,
  async run(client) {
    const socket = client.connect();
    socket.write(client.head("POST", path, { "Content-Length": HUGE.length + 1 }));
    socket.write(HUGE);
    await socket.over(ANSWER_MS);
  },
});

const hugeChunked = (path: string): Attack => ({
  name: `huge: chunked body to ${path} without an end`,
  atMost: AT_MOST,
  async run(client) {
    const socket = client.connect();
    socket.write(client.head("POST", path, { "Transfer-Encoding": "chunked" }));
    for (let i = 0; i < 3 && !socket.isOver; i++) {
      socket.write(`${HUGE.length.toString(16)}\r\n`);
      socket.write(HUGE);
      socket.write("\r\n");
      await client.wait(ANSWER_MS / 5);
    }
    await socket.over(ANSWER_MS / 5);
  },
});

const hugeMessage = (
  name: string,
  path: string,
  message: (client: HostileClient) => readonly Buffer[],
): Attack => ({
  name: `huge: ${name}`,
  atMost: AT_MOST,
  async run(client) {
    const socket = client.connect();
    const protocol = path.startsWith("/graphql") ? { "Sec-WebSocket-Protocol": "graphql-transport-ws" } : {};
    socket.write(client.upgrade(path, protocol));
    await socket.received(/\r\n\r\n/, ANSWER_MS);
    for (const data of message(client)) socket.write(data);
    await socket.over(ANSWER_MS);
  },
});

const hugeHead = (name: string, head: (client: HostileClient) => string): Attack => ({
  name: `huge: ${name}`,
  run: (client) => send(client, [head(client)]),
});

const LONG_NAME = "n".repeat(600_000);

/** The attacks of this kind. */
export const HUGE_ATTACKS: readonly Attack[] = [
  hugeBody("/login", "application/json", '{"token":"', '"}'),
  hugeBody("/login", "application/x-www-form-urlencoded", "token="),
  hugeBody("/logout", "application/json"),
  hugeBody("/tickets", "application/json"),
  hugeBody("/graphql", "application/json", '{"query":"', '"}'),
  hugeBody("/data/hostile-huge", "application/octet-stream"),
  hugeBody("/data/hostile-huge?format=json", "application/json", '[["hostile-huge",null,"', '"]]'),
  hugeBody("/data/hostile-huge?format=msgpack", "application/msgpack"),
  hugeBody(
    "/data/hostile-huge",
    "multipart/form-data; boundary=b",
    '--b\r\nContent-Disposition: form-data; name="entries"\r\n\r\n',
    "\r\n--b--\r\n",
  ),
  hugeBody("/healthz", "application/octet-stream"),
  hugeBody("/nothing", "application/octet-stream"),
  endless("/data/hostile-huge"),
  endless("/login"),
  endless("/graphql"),
  hugeChunked("/data/hostile-huge"),
  hugeChunked("/login"),
  hugeMessage("WebSocket message of 60 MB", "/data/hostile-huge/push?header=0", () => [
    frame("", { claims: HUGE.length }),
    HUGE,
  ]),
  hugeMessage("WebSocket message of 60 MB that does not end", "/data/hostile-huge/push?header=0", () => [
    frame("", { claims: HUGE.length + 1 }),
    HUGE,
  ]),
  hugeMessage("fragments of 1 MB without an end", "/data/hostile-huge/push?header=0", () =>
    Array.from({ length: 60 }, (_, i) =>
      frame(HUGE.subarray(0, 2 ** 20), { fin: false, opcode: i === 0 ? 2 : 0 }),
    ),
  ),
  hugeMessage("header of 60 MB", "/data/hostile-huge/push", () => [
    frame("", { opcode: 1, claims: HUGE.length }),
    HUGE,
  ]),
  hugeMessage("control message of 60 MB", `/data/${SMALL_STREAM}/pull?control=1`, () => [
    frame("", { opcode: 1, claims: HUGE.length + 1 }),
    Buffer.from("{"),
    HUGE,
  ]),
  hugeMessage("GraphQL message of 60 MB", "/graphql", () => [
    text('{"type":"connection_init"}'),
    frame("", { opcode: 1, claims: HUGE.length }),
    HUGE,
  ]),
  {
    name: "huge: stream name of 600 KB",
    atMost: 5,
    run: (client) =>
      send(client, [
        client.request("POST", "/data/hostile-a?format=json", JSON.stringify([[LONG_NAME, null, "x"]])),
      ]),
  },
  {
    name: "huge: device name of 900 KB",
    atMost: 5,
    run: (client) =>
      send(client, [
        client.request(
          "POST",
          "/graphql",
          JSON.stringify({
            query: "mutation($d:String!){connectDevice(deviceId:$d)}",
            variables: { d: "d".repeat(900_000) },
          }),
        ),
      ]),
  },
  hugeHead("address of 60 KB", ({ head }) => head("GET", `/data/${"a".repeat(60_000)}?block=0`)),
  hugeHead("query of 60 KB", ({ head }) =>
    head("GET", `/data/${SMALL_STREAM}?block=0&${"a=b&".repeat(15_000)}`),
  ),
  hugeHead("2,500 header lines", ({ head }) =>
    head("GET", "/healthz", Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`X-${i}`, "y"]))),
  ),
  hugeHead("cookie of 50 KB", ({ head }) => head("GET", "/healthz", { Cookie: "a=b; ".repeat(10_000) })),
  hugeHead("cursor of 50 KB", ({ head }) =>
    head("GET", `/data/${SMALL_STREAM}?block=0&last_entry_id=${"9".repeat(50_000)}`),
  ),
  hugeHead("token of 50 KB", ({ head }) =>
    head("GET", `/data/${SMALL_STREAM}`, { Authorization: `Bearer ${"e".repeat(50_000)}` }),
  ),
];

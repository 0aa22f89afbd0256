/** Clients that request large responses, or many, and do not read them. */
import { type Attack, BIG_STREAM, type HostileClient, MANY_STREAMS } from "../hostile/attack.ts";
import { text } from "../hostile/frames.ts";

/** Time (ms) that a client leaves a response unread before it disconnects, unless the gateway closes the connection first. */
const UNREAD_MS = 6000;
const PIPELINED = 200;
/**
 * Time (ms) in which the gateway works off what such clients left. A client that closes its side after its requests may still
 * read, so the gateway learns that it has vanished from writing the first response, and their queries have memory for one at a time.
 */
const WORKED_OFF_MS = 120_000;

const unread = (name: string, requests: (client: HostileClient) => readonly (string | Buffer)[]): Attack => ({
  name: `unread: ${name}`,
  async run(client) {
    const socket = client.connect();
    socket.stopReading();
    for (const data of requests(client)) socket.write(data);
    await socket.over(UNREAD_MS);
  },
});

const unreadWebSocket = (name: string, path: string, frames: readonly Buffer[] = []): Attack => ({
  name: `unread: ${name}`,
  async run(client) {
    const socket = client.connect();
    const protocol = path.startsWith("/graphql") ? { "Sec-WebSocket-Protocol": "graphql-transport-ws" } : {};
    socket.write(client.upgrade(path, protocol));
    if (frames.length > 0) await socket.received(/\r\n\r\n/, UNREAD_MS);
    socket.stopReading();
    for (const data of frames) socket.write(data);
    await socket.over(UNREAD_MS);
  },
});

const pipelined = (name: string, method: string, path: string, body?: string): Attack =>
  unread(`${PIPELINED} requests of ${name} at once`, ({ head, request }) => [
    (body === undefined ? head(method, path) : request(method, path, body).toString("latin1")).repeat(
      PIPELINED,
    ),
  ]);

const BIG = `{stream(id:"${BIG_STREAM}"){entries(first:900){nodes{string data}}}}`;
const STREAMS = `{streams(match:"*hostile-*"){id length meta lastEntryString lastEntryData}}`;
const subscribe = (id: number, query: string, variables: unknown = {}): Buffer =>
  text(JSON.stringify({ id: String(id), type: "subscribe", payload: { query, variables } }));
const FOLLOW = "subscription($s:JSON!){data(streamIds:$s){string data}}";

/** The attacks of this kind. */
export const UNREAD: readonly Attack[] = [
  unread("GET of 59 MB", ({ head }) => [
    head("GET", `/data/${BIG_STREAM}?last_entry_id=0&count=10000&block=0`),
  ]),
  unread("GET of 59 MB as JSON", ({ head }) => [
    head("GET", `/data/${BIG_STREAM}?last_entry_id=0&count=10000&block=0&format=json`),
  ]),
  unread("GET of 59 MB as MessagePack", ({ head }) => [
    head("GET", `/data/${BIG_STREAM}?last_entry_id=0&count=10000&block=0&format=msgpack`),
  ]),
  unread("history of 59 MB", ({ head }) => [head("GET", `/data/${BIG_STREAM}/entries?count=10000`)]),
  unread("history of 59 MB as JSON", ({ head }) => [
    head("GET", `/data/${BIG_STREAM}/entries?count=10000&format=json&reverse=1`),
  ]),
  unread("events from the beginning", ({ head }) => [
    head("GET", `/data/${BIG_STREAM}/events?last_entry_id=0&format=base64`),
  ]),
  unread("mjpeg", ({ head }) => [head("GET", `/data/${BIG_STREAM}/mjpeg`)]),
  unread("GraphQL of 120 MB", ({ request }) => [request("POST", "/graphql", JSON.stringify({ query: BIG }))]),
  unread("GraphQL over GET", ({ head }) => [head("GET", `/graphql?query=${encodeURIComponent(BIG)}`)]),
  unread("GraphQL of all streams", ({ request }) => [
    request("POST", "/graphql", JSON.stringify({ query: STREAMS })),
  ]),
  unread("GraphQL events", ({ head }) => [
    head(
      "GET",
      `/graphql?query=${encodeURIComponent(FOLLOW)}&variables=${encodeURIComponent(`{"s":{"${BIG_STREAM}":"0"}}`)}`,
      { Accept: "text/event-stream" },
    ),
  ]),
  unreadWebSocket(
    "pull at one frame a second",
    `/data/${BIG_STREAM}/pull?last_entry_id=0&count=10000&max_fps=1`,
  ),
  unreadWebSocket("pull", `/data/${BIG_STREAM}/pull?last_entry_id=0&count=10000`),
  unreadWebSocket("pull as JSON", `/data/${BIG_STREAM}/pull?last_entry_id=0&count=10000&format=json`),
  unreadWebSocket(
    "pull as MessagePack",
    `/data/${BIG_STREAM}/pull?last_entry_id=0&count=1000&format=msgpack`,
  ),
  unreadWebSocket("pull entry by entry", `/data/${BIG_STREAM}/pull?last_entry_id=0&header=0`),
  unreadWebSocket("pull of the newest", `/data/${BIG_STREAM}/pull?last_entry_id=0&latest=1`),
  unreadWebSocket(
    "pull of many streams",
    `/data/${Array.from({ length: MANY_STREAMS }, (_, i) => `hostile-many-${i}`).join("+")}/pull?last_entry_id=0`,
  ),
  unreadWebSocket("GraphQL WebSocket with 50 large queries", "/graphql", [
    text('{"type":"connection_init"}'),
    ...Array.from({ length: 50 }, (_, i) => subscribe(i, BIG)),
  ]),
  unreadWebSocket("GraphQL WebSocket with 50 subscriptions", "/graphql", [
    text('{"type":"connection_init"}'),
    ...Array.from({ length: 50 }, (_, i) => subscribe(i, FOLLOW, { s: { [BIG_STREAM]: "0" } })),
  ]),
  unreadWebSocket("acknowledgements of pushes", "/data/hostile-acks/push?header=0&ack=1", [
    Buffer.concat(Array.from({ length: 5000 }, () => text("x"))),
  ]),
  unreadWebSocket("pongs", "/data/hostile-a/pull", [
    Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from([0x89, 0x80, 0, 0, 0, 0]))),
  ]),
  pipelined("healthz", "GET", "/healthz"),
  pipelined("metrics", "GET", "/metrics"),
  pipelined("the API's description", "GET", "/openapi.json"),
  pipelined("the docs", "GET", "/docs/static/swagger-ui-bundle.js"),
  pipelined("the console", "GET", "/console/"),
  {
    ...pipelined("GraphQL", "POST", "/graphql", JSON.stringify({ query: STREAMS })),
    releaseMs: WORKED_OFF_MS,
  },
  pipelined("a large GET", "GET", `/data/${BIG_STREAM}?last_entry_id=0&count=100&block=0`),
  pipelined("errors", "GET", `/data/${BIG_STREAM}?count=no`),
];

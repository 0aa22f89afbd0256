/** Clients whose small or medium-sized input is expensive to parse: nested, or with very many parts. */
import { type Attack, type HostileClient, SMALL_STREAM } from "../hostile/attack.ts";
import { text } from "../hostile/frames.ts";

const ANSWER_MS = 10_000;
const AT_MOST = 4;
const BYTES = 20 * 2 ** 20;

/** Repeats `unit` to about `bytes`; created at first use, once for all clients. */
const many = (unit: string, bytes = BYTES) => {
  let made: Buffer | undefined;
  return () => (made ??= Buffer.alloc(Math.floor(bytes / unit.length) * unit.length, unit));
};

const body = (
  name: string,
  path: string,
  type: string,
  content: () => readonly (string | Buffer)[],
  follow?: (client: HostileClient) => string | Buffer,
): Attack => ({
  name: `deep: ${name}`,
  atMost: AT_MOST,
  async run(client) {
    const socket = client.connect();
    const parts = content();
    const length = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
    socket.write(client.head("POST", path, { "Content-Type": type, "Content-Length": length }));
    for (const part of parts) socket.write(part);
    await socket.received(/^HTTP\/1\.1 [2-5][\s\S]*\r\n\r\n/, ANSWER_MS);
    if (follow === undefined) return;
    socket.write(follow(client));
    await socket.over(ANSWER_MS / 5);
  },
});

const json = (name: string, path: string, content: () => readonly (string | Buffer)[]): Attack =>
  body(name, path, "application/json", content);

const message = (name: string, path: string, content: () => string | Buffer): Attack => ({
  name: `deep: ${name}`,
  atMost: AT_MOST,
  async run(client) {
    const socket = client.connect();
    const protocol = path.startsWith("/graphql") ? { "Sec-WebSocket-Protocol": "graphql-transport-ws" } : {};
    socket.write(client.upgrade(path, protocol));
    await socket.received(/\r\n\r\n/, ANSWER_MS);
    if (path.startsWith("/graphql")) socket.write(text('{"type":"connection_init"}'));
    socket.write(text(content()));
    await socket.over(ANSWER_MS / 5);
  },
});

const query = (document: string, variables: unknown = {}): string =>
  JSON.stringify({ query: document, variables });

const arrays = many("[],");
const opening = many("[");
const parts = many('--b\r\nContent-Disposition: form-data; name="entries"\r\n\r\n\r\n');
const partHeaders = many("X-A: b\r\n");
const pairs = many("a&");
const emptyArrays = many("\x90");
const nestedArrays = many("\x91");
const NESTED = "[".repeat(5000) + "]".repeat(5000);

/** The attacks of this kind. */
export const DEEP: readonly Attack[] = [
  json("login with 7 million values", "/login", () => ['{"token":"x","a":[', arrays(), "[]]}"]),
  json("login nested", "/login", () => ['{"token":"x","a":', opening()]),
  body("login form of 10 million fields", "/login", "application/x-www-form-urlencoded", () => [pairs()]),
  json("tickets with 7 million values", "/tickets", () => ["[", arrays(), "[]]"]),
  json("push of 7 million values as JSON", "/data/hostile-deep?format=json", () => ["[", arrays(), "[]]"]),
  json("push of nested JSON", "/data/hostile-deep?format=json", () => [opening()]),
  json("push of one object", "/data/hostile-deep", () => ['{"a":[', arrays(), "[]]}"]),
  body("push of nested MessagePack", "/data/hostile-deep?format=msgpack", "application/msgpack", () => [
    nestedArrays(),
  ]),
  body("push of 20 million empty arrays", "/data/hostile-deep?format=msgpack", "application/msgpack", () => [
    Buffer.from([0xdd, 0x01, 0x40, 0, 0]),
    emptyArrays(),
  ]),
  body(
    "MessagePack that claims 4 billion items",
    "/data/hostile-deep?format=msgpack",
    "application/msgpack",
    () => [Buffer.from([0xdd, 255, 255, 255, 255, 0x90])],
  ),
  body("multipart of 300,000 empty parts", "/data/hostile-deep", "multipart/form-data; boundary=b", () => [
    parts(),
    "--b--\r\n",
  ]),
  body(
    "multipart with 2.5 million part headers",
    "/data/hostile-deep",
    "multipart/form-data; boundary=b",
    () => ["--b\r\n", partHeaders(), "\r\n\r\n--b--\r\n"],
  ),
  body(
    "multipart of almost boundaries",
    "/data/hostile-deep",
    "multipart/form-data; boundary=bbbbbbbbbbbb",
    () => [
      '--bbbbbbbbbbbb\r\nContent-Disposition: form-data; name="entries"\r\n\r\n',
      many("\r\n--bbbbbbbbbbb")(),
    ],
  ),
  body(
    "stored nested JSON, then read",
    "/data/hostile-nested",
    "text/plain",
    () => [NESTED],
    ({ request }) =>
      request("POST", "/graphql", query('{streams(match:"*hostile-nested"){id lastEntryJson}}')),
  ),
  body(
    "stored JSON of 2 million values, then read",
    "/data/hostile-values",
    "text/plain",
    () => ["[", arrays().subarray(0, 6_000_000), "[]]"],
    ({ request }) => request("POST", "/graphql", query('{stream(id:"hostile-values"){lastEntryJson}}')),
  ),
  json("GraphQL document of nested fields", "/graphql", () => [
    query(`{${'stream(id:"x"){entries{nodes{'.repeat(5000)}id${"}}}".repeat(5000)}}`),
  ]),
  json("GraphQL document of nested lists", "/graphql", () => [query(`{streams(ids:${NESTED}){id}}`)]),
  json("GraphQL variables nested", "/graphql", () => [
    `{"query":"mutation($m:JSON!){updateStreamMeta(streamId:\\"hostile-meta\\",meta:$m)}","variables":{"m":${NESTED}}}`,
  ]),
  json("GraphQL variables of 300,000 values", "/graphql", () => [
    '{"query":"{streamIds}","variables":{"m":[',
    arrays().subarray(0, 900_000),
    "[]]}}",
  ]),
  json("GraphQL fragments that multiply", "/graphql", () => [
    query(
      `{...a0}${Array.from({ length: 30 }, (_, i) => `fragment a${i} on Query{...a${i + 1} ...a${i + 1}}`).join("")}fragment a30 on Query{streamIds}`,
    ),
  ]),
  message("control message of 7 million values", `/data/${SMALL_STREAM}/pull?control=1`, () =>
    Buffer.concat([Buffer.from('{"a":['), arrays(), Buffer.from("[]]}")]),
  ),
  message("push header of 7 million values", "/data/hostile-deep/push", () =>
    Buffer.concat([Buffer.from("["), arrays(), Buffer.from("[]]")]),
  ),
  message("push message of 7 million values as JSON", "/data/hostile-deep/push?format=json", () =>
    Buffer.concat([Buffer.from("["), arrays(), Buffer.from("[]]")]),
  ),
  message("GraphQL message of 300,000 values", "/graphql", () =>
    Buffer.concat([
      Buffer.from('{"type":"ping","payload":['),
      arrays().subarray(0, 900_000),
      Buffer.from("[]]}"),
    ]),
  ),
];

/** Small requests that are expensive for the gateway or Redis. */
import { type Attack, BIG_STREAM, type HostileClient, MANY_STREAMS } from "../hostile/attack.ts";

const ANSWER_MS = 8000;

const ask = (name: string, requests: (client: HostileClient) => string | Buffer, atMost = 8): Attack => ({
  name: `costly: ${name}`,
  atMost,
  async run(client) {
    const socket = client.connect();
    socket.write(requests(client));
    await socket.received(/^HTTP\/1\.1 [2-5]/, ANSWER_MS);
    await socket.over(200);
  },
});

const graphql = (name: string, query: string, variables: unknown = {}, atMost = 8): Attack =>
  ask(name, ({ request }) => request("POST", "/graphql", JSON.stringify({ query, variables })), atMost);

const ALL = 'match:"*hostile-many-*"';
const aliases = (count: number, field: (i: number) => string): string =>
  `{${Array.from({ length: count }, (_, i) => `a${i}:${field(i)}`).join(" ")}}`;
const NAMES = Array.from({ length: MANY_STREAMS }, (_, i) => `hostile-many-${i}`).join("+");

/** The attacks of this kind. */
export const COSTLY: readonly Attack[] = [
  graphql(
    "100 aliases over all streams",
    aliases(100, () => `streams(${ALL}){id length meta lastEntryString}`),
  ),
  graphql(
    "100 different patterns",
    aliases(100, (i) => `streams(match:"*hostile-many-${i}*"){id length}`),
  ),
  graphql(
    "100 histories",
    aliases(100, () => `stream(id:"${BIG_STREAM}"){entries(first:100){nodes{string}}}`),
  ),
  graphql(
    "a time format of 20 KB over all streams",
    `query($f:String!){streams(${ALL}){lastEntryTime(format:$f)}}`,
    {
      f: "%c".repeat(10_000),
    },
  ),
  graphql("a pattern of 100 KB", "query($m:String!){streams(match:$m){id}}", {
    m: `*${"[a-z]".repeat(20_000)}B`,
  }),
  graphql("a pattern of 40 wildcards", "query($m:String!){streams(match:$m){id}}", {
    m: `${"*a".repeat(40)}B`,
  }),
  graphql("a pattern on names of one letter", "query($m:String!){streams(match:$m){id}}", {
    m: `default:${"a*".repeat(30)}b`,
  }),
  graphql("large payloads as JSON", `{stream(id:"${BIG_STREAM}"){entries(first:900){nodes{json}}}}`),
  graphql(
    "100 aliases of large payloads",
    aliases(100, () => `stream(id:"${BIG_STREAM}"){lastEntryString}`),
  ),
  graphql("ids by the ten thousand", "query($ids:[String!]){streams(ids:$ids){id length meta}}", {
    ids: Array.from({ length: 10_000 }, (_, i) => `hostile-none-${i}`),
  }),
  graphql(
    "10,000 appends",
    'mutation($e:[EntryInput!]!){append(streamId:"hostile-a",entries:$e){id}}',
    { e: Array.from({ length: 10_000 }, () => ({ string: "x" })) },
    4,
  ),
  graphql("introspection", "{__schema{types{name fields{name args{name type{name ofType{name}}}}}}}"),
  ask("GET of all streams", ({ head }) => head("GET", `/data/${NAMES}?last_entry_id=0&count=1000&block=0`)),
  ask("GET of one stream 300 times", ({ head }) =>
    head("GET", `/data/${Array.from({ length: 300 }, () => BIG_STREAM).join("+")}?last_entry_id=0&block=0`),
  ),
  ask("pages of one entry, all at once", ({ head }) =>
    Array.from({ length: 300 }, (_, i) => head("GET", `/data/${BIG_STREAM}/entries?count=1&start=${i}`)).join(
      "",
    ),
  ),
  ask("histories read backwards", ({ head }) =>
    head("GET", `/data/${BIG_STREAM}/entries?count=900&reverse=1&format=json`),
  ),
  ask("metrics, again and again", ({ head }) => head("GET", "/metrics").repeat(50)),
  ask("list of connections, again and again", ({ head }) => head("GET", "/admin/connections").repeat(50)),
  ask("tickets, again and again", ({ head }) =>
    head("POST", "/tickets", { "Content-Length": 0 }).repeat(500),
  ),
  ask("wrong keys, again and again", ({ head, random }) =>
    Array.from({ length: 300 }, () =>
      head("GET", "/data/x", { "X-Api-Key": `rs_${random.fraction()}`, "Content-Length": 0 }),
    ).join(""),
  ),
  ask("wrong tokens, again and again", ({ request, random }) =>
    Buffer.concat(
      Array.from({ length: 300 }, () =>
        request("POST", "/login", JSON.stringify({ token: `eyJhbGciOiJIUzI1NiJ9.e30.${random.fraction()}` })),
      ),
    ),
  ),
];

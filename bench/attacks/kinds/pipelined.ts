/** Clients that send many requests on a connection without waiting for responses. */
import { type Attack, BIG_STREAM, type HostileClient } from "../hostile/attack.ts";

const FOR_MS = 3000;
const PAUSE_MS = 20;
/** Connections of a client. */
const CONNECTIONS = 10;
/** Cheap requests that a connection sends in each pause: more than the gateway answers. */
const CHEAP = 500;
/** Large queries of a connection: more than run at once, so that the gateway stops reading it. */
const LARGE = 12;
/** Time (ms) in which the gateway must release the memory of vanished clients. */
const RELEASE_MS = 4000;

/** 12 MB of entries in small pages, so that many queries begin and all of them need more memory. */
const QUERY = `{stream(id:"${BIG_STREAM}"){${Array.from(
  { length: 90 },
  (_, i) => `a${i}:entries(first:2){nodes{string}}`,
).join(" ")}}}`;

const largeQueries = ({ request }: HostileClient): Buffer => {
  const one = request("POST", "/graphql", JSON.stringify({ query: QUERY }));
  return Buffer.concat(Array.from({ length: LARGE }, () => one));
};

/** The attacks of this kind. */
export const PIPELINED: readonly Attack[] = [
  {
    name: "pipelined: cheap GETs, responses read",
    atMost: 2,
    async run(client) {
      const sockets = Array.from({ length: CONNECTIONS }, () => client.connect());
      const requests = client.head("GET", "/data/hostile-none?block=0").repeat(CHEAP);
      for (const end = Date.now() + FOR_MS; Date.now() < end && !client.signal.aborted; ) {
        for (const socket of sockets) socket.write(requests);
        await client.wait(PAUSE_MS);
      }
    },
  },
  {
    name: "pipelined: large GraphQL queries, responses not read",
    atMost: 1,
    leavesRoom: true,
    async run(client) {
      const sockets = Array.from({ length: CONNECTIONS }, () => client.connect());
      for (const socket of sockets) {
        socket.stopReading();
        socket.write(largeQueries(client));
      }
      await Promise.all(sockets.map((socket) => socket.over(5 * FOR_MS)));
    },
  },
  {
    name: "pipelined: large GraphQL queries, then a reset",
    atMost: 24,
    releaseMs: RELEASE_MS,
    async run(client) {
      const socket = client.connect();
      socket.stopReading();
      socket.write(largeQueries(client));
      await client.wait(FOR_MS);
      socket.reset();
    },
  },
  {
    name: "pipelined: broken requests and handshakes behind GETs that wait",
    async run(client) {
      const waiting = client.head("GET", "/data/hostile-none?block=1000").repeat(2);
      const sockets = [
        "garbage\r\n\r\n",
        client.head("GET", "/", { "X-Large": "a".repeat(70_000) }),
        `${client.head("POST", "/data/hostile-a", { "Transfer-Encoding": "chunked" })}garbage\r\n`,
        `${client.head("GET", "/healthz", { Connection: "close" })}more`,
        client.upgrade("/data/hostile-none/pull"),
        client.upgrade("/nothing"),
      ].map((last) => {
        const socket = client.connect();
        socket.write(waiting + last);
        return socket;
      });
      await client.wait(FOR_MS / 2);
      // Some leave before their responses.
      if (client.random.between(0, 1) < 0.5) sockets[0]?.reset();
      await Promise.all(sockets.map((socket) => socket.over(FOR_MS)));
    },
  },
];

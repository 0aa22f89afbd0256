/**
 * Clients of recordings and exports: they do not read, leave early, start many, play them, and name files that are not theirs.
 * Recordings end after a second: they would count as leaks.
 */
import {
  type Attack,
  BIG_STREAM,
  type HostileClient,
  MANY_STREAMS,
  SMALL_STREAM,
} from "../hostile/attack.ts";
import { FOR_MS, repeated } from "./floods.ts";

const ANSWER_MS = 5000;
/** Names of recordings; they are deleted with the run, and this many exist at most. */
const NAMES = 20;

const nameOf = ({ random }: HostileClient) => `hostile-${Math.floor(random.fraction() * NAMES)}`;
const MANY = Array.from({ length: MANY_STREAMS }, (_, i) => `hostile-many-${i}`).join("+");

/** Sends requests one after the other on a connection. */
const ask = (name: string, requests: (client: HostileClient) => string | Buffer): Attack => ({
  name: `recordings: ${name}`,
  atMost: 10,
  async run(client) {
    const socket = client.connect();
    socket.write(requests(client));
    await socket.received(/^HTTP\/1\.1 [2-5]/, ANSWER_MS);
    await socket.over(200);
  },
});

const create = (client: HostileClient, body: object): Buffer =>
  client.request("POST", "/recordings", JSON.stringify(body), "application/json");

/** The attacks of this kind. */
export const RECORDINGS: readonly Attack[] = [
  {
    name: "export: 20 unread ones of 59 MB",
    atMost: 4,
    async run(client) {
      for (let i = 0; i < 20; i++) {
        const socket = client.connect();
        socket.write(client.head("GET", `/data/${BIG_STREAM}/entries?format=mcap`));
        socket.stopReading();
      }
      await client.wait(2 * FOR_MS);
    },
  },
  repeated("export: left at the first byte", async (client) => {
    const socket = client.connect();
    socket.write(client.head("GET", `/data/${BIG_STREAM}/entries?format=mcap`));
    await socket.received(/^HTTP\/1\.1 [2-5]/, ANSWER_MS);
    socket.reset();
  }),
  repeated("export: of many streams", async (client) => {
    const socket = client.connect();
    socket.write(client.head("GET", `/data/${MANY}/entries?format=mcap`));
    await socket.over(FOR_MS);
  }),
  ask("many at once", (client) =>
    Buffer.concat(
      Array.from({ length: 50 }, (_, i) =>
        create(client, { name: `${nameOf(client)}-${i % 2}`, streams: [SMALL_STREAM], maxSeconds: 1 }),
      ),
    ),
  ),
  ask("the same name, started, stopped and deleted", (client) => {
    const name = nameOf(client);
    return Buffer.concat([
      create(client, { name, streams: [BIG_STREAM], from: "0", maxSeconds: 1 }),
      client.request("POST", `/recordings/${name}/stop`, ""),
      Buffer.from(client.head("DELETE", `/recordings/${name}`)),
    ]);
  }),
  ask("played, at every speed, and deleted meanwhile", (client) => {
    const name = nameOf(client);
    const play = (body: object) =>
      client.request("POST", `/recordings/${name}/play`, JSON.stringify(body), "application/json");
    return Buffer.concat([
      create(client, { name, streams: [BIG_STREAM], from: "0", maxSeconds: 1 }),
      client.request("POST", `/recordings/${name}/stop`, ""),
      // Neither looping nor paused at last: a client that is cut off before it deletes the recording would leave it so, as requested.
      ...[0, 0.1, 100].map((rate) => play({ rate })),
      ...["pause", "continue"].map((change) =>
        client.request("POST", `/recordings/${name}/play/${change}`, ""),
      ),
      play({ rate: -1 }),
      play({ streams: Array.from({ length: 1000 }, () => "*a*b*c*") }),
      play({ device: ":event" }),
      Buffer.from(client.head("DELETE", `/recordings/${name}`)),
    ]);
  }),
  ask("names that are paths", (client) =>
    Buffer.concat([
      ...["../x", "a/b", "..", ".gateway", "a\0b", "x".repeat(10_000), "a.json"].map((name) =>
        create(client, { name, streams: [SMALL_STREAM] }),
      ),
      ...["..%2F..%2Fetc%2Fpasswd", "%2e%2e%2fx.mcap", ".gateway", "hostile-0.json"].map((name) =>
        Buffer.from(client.head("GET", `/recordings/${name}`)),
      ),
    ]),
  ),
  ask("ranges without end", (client) =>
    ["bytes=0-", "bytes=-99999999999999999999", "bytes=9-1", `bytes=${"0-1,".repeat(1000)}2-3`]
      .map((range) => client.head("GET", `/recordings/${nameOf(client)}.mcap`, { Range: range }))
      .join(""),
  ),
  ask("lists, again and again", ({ head }) => head("GET", "/recordings").repeat(200)),
  ask("notes of a megabyte", (client) =>
    create(client, { streams: [SMALL_STREAM], notes: { text: "x".repeat(1_000_000) } }),
  ),
];

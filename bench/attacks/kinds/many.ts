/** Clients that repeat a cheap operation at a high rate, or open very many connections or subscriptions. */
import { type Attack, MANY_STREAMS, SMALL_STREAM } from "../hostile/attack.ts";
import { frame, text } from "../hostile/frames.ts";
import { FOR_MS, flood, repeated, times } from "./floods.ts";

const PER_ROUND = 20;

const names = (prefix: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`).join("+");

/** The attacks of this kind. */
export const MANY: readonly Attack[] = [
  repeated("many: short-lived connections", async (client) => {
    const sockets = Array.from({ length: PER_ROUND }, () => client.connect());
    await client.wait(30);
    for (const socket of sockets) socket.close();
  }),
  repeated("many: connections that are reset", async (client) => {
    const sockets = Array.from({ length: PER_ROUND }, () => client.connect());
    for (const socket of sockets) socket.write(client.head("GET", "/metrics"));
    await client.wait(30);
    for (const socket of sockets) socket.reset();
  }),
  repeated("many: connections that are half closed", async (client) => {
    const sockets = Array.from({ length: PER_ROUND }, () => client.connect());
    for (const socket of sockets) {
      socket.write(client.head("GET", "/healthz"));
      socket.halfClose();
    }
    await client.wait(50);
  }),
  repeated("many: short-lived WebSockets", async (client) => {
    const sockets = Array.from({ length: PER_ROUND }, () => client.connect());
    for (const socket of sockets) socket.write(client.upgrade(`/data/${SMALL_STREAM}/pull?last_entry_id=0`));
    await client.wait(50);
    for (const socket of sockets) socket.close();
  }),
  repeated("many: short-lived event streams", async (client) => {
    const sockets = Array.from({ length: PER_ROUND }, () => client.connect());
    for (const socket of sockets) socket.write(client.head("GET", `/data/${SMALL_STREAM}/events`));
    await client.wait(50);
    for (const socket of sockets) socket.reset();
  }),
  repeated("many: GETs that wait and leave", async (client) => {
    const sockets = Array.from({ length: PER_ROUND }, () => client.connect());
    for (const socket of sockets) socket.write(client.head("GET", "/data/hostile-never?block=60000"));
    await client.wait(50);
    for (const socket of sockets) socket.close();
  }),
  repeated("many: requests on one connection", async (client) => {
    const socket = client.connect();
    socket.write(client.head("GET", "/healthz").repeat(200));
    await client.wait(100);
    socket.close();
  }),
  {
    name: "many: 200 silent connections of one client",
    atMost: 1,
    async run(client) {
      for (let i = 0; i < 200; i++) client.connect().stopReading();
      await client.wait(FOR_MS);
    },
  },
  {
    name: "many: idle subscriptions",
    async run(client) {
      const socket = client.connect();
      socket.write(client.head("GET", `/data/${names("hostile-idle-", 100)}/events`));
      await client.wait(FOR_MS * 2);
    },
  },
  flood("many: tiny pushed entries", "/data/hostile-flood/push?header=0", () => times(500, () => frame("x"))),
  flood("many: empty frames", "/data/hostile-flood/push?header=0", () => times(1000, () => frame(""))),
  flood("many: pings", `/data/${SMALL_STREAM}/pull`, () => times(500, () => frame("", { opcode: 9 }))),
  flood("many: pongs", `/data/${SMALL_STREAM}/pull`, () => times(500, () => frame("", { opcode: 10 }))),
  flood("many: tiny fragments", "/data/hostile-flood/push?header=0", () =>
    times(500, () => frame("x", { fin: false, opcode: 0 })),
  ),
  flood("many: acknowledgements", `/data/${SMALL_STREAM}/pull?ack=1&last_entry_id=0`, () =>
    times(500, () => text("")),
  ),
  flood("many: dedupe keys", "/data/hostile-dedupe/push?header=0&dedupe=d", () =>
    times(100, () => frame("x")),
  ),
  flood("many: entries for streams of their own", "/data/*/push?format=json", (client) =>
    times(20, (i) =>
      text(JSON.stringify([[`hostile-s${i}-${Math.floor(client.random.between(0, 50))}`, null, "x"]])),
    ),
  ),
  flood("many: GraphQL operations", "/graphql", () =>
    times(100, (i) =>
      text(JSON.stringify({ id: `${i}`, type: "subscribe", payload: { query: "{streamIds}" } })),
    ),
  ),
  flood("many: GraphQL subscriptions that begin and end", "/graphql", () =>
    times(50, (i) =>
      Buffer.concat([
        text(
          JSON.stringify({
            id: `${i}`,
            type: "subscribe",
            payload: { query: 'subscription{data(streamIds:["hostile-many-1"]){time}}' },
          }),
        ),
        text(`{"id":"${i}","type":"complete"}`),
      ]),
    ),
  ),
  flood("many: GraphQL pings", "/graphql", () => times(500, () => text('{"type":"ping"}'))),
  repeated("many: devices that connect and vanish", async (client) => {
    const device = `hostile-d${Math.floor(client.random.between(0, 20))}`;
    const socket = client.connect();
    socket.write(client.upgrade(`/data/x/push?device_id=${device}&presence=1&header=0`));
    await client.wait(50);
    socket.reset();
  }),
  repeated("many: dedupe keys of their own", async (client) => {
    const socket = client.connect();
    for (let i = 0; i < PER_ROUND; i++) {
      const key = Math.floor(client.random.between(0, 2 ** 31));
      socket.write(client.request("POST", `/data/hostile-dedupe?dedupe=k${key}`, "x", "text/plain"));
    }
    await client.wait(100);
    socket.close();
  }),
  {
    name: "many: pulls of all streams",
    atMost: 10,
    async run(client) {
      const socket = client.connect();
      socket.write(client.upgrade(`/data/${names("hostile-many-", MANY_STREAMS)}/pull?last_entry_id=0`));
      await client.wait(FOR_MS);
    },
  },
];

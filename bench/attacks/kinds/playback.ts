/** Clients that play history back: they seek back and forth without reading, or open many playbacks. */
import {
  type Attack,
  BIG_STREAM,
  type HostileClient,
  MANY_STREAMS,
  SMALL_STREAM,
} from "../hostile/attack.ts";
import { text } from "../hostile/frames.ts";
import { FOR_MS, flood, repeated, times } from "./floods.ts";

const ALL_STREAMS = Array.from({ length: MANY_STREAMS }, (_, i) => `hostile-many-${i}`).join("+");
const QUERY = "control=1&format=json";

const command = (value: unknown): Buffer => text(JSON.stringify(value));
const commands = (...values: readonly unknown[]): Buffer =>
  times(100, (i) => command(values[i % values.length]));

/** A time of the run: entries of the hostile streams were stored shortly before it. */
const aTime = ({ random }: HostileClient): number => Math.floor(Date.now() - random.between(0, 120_000));

/** Opens playbacks, and leaves them unread. */
const unread = (name: string, paths: readonly string[]): Attack => ({
  name,
  atMost: 4,
  async run(client) {
    for (const path of paths) {
      const socket = client.connect();
      socket.write(path.includes("/events") ? client.head("GET", path) : client.upgrade(path));
      socket.stopReading();
    }
    await client.wait(2 * FOR_MS);
  },
});

/** The attacks of this kind. */
export const PLAYBACK: readonly Attack[] = [
  flood("playback: seeks", `/data/${BIG_STREAM}/pull?rate=0&${QUERY}`, (client) =>
    times(100, () => command({ seek: aTime(client) })),
  ),
  flood("playback: seeks in many streams", `/data/${ALL_STREAMS}/pull?rate=1&${QUERY}`, (client) =>
    times(20, () => command({ seek: aTime(client) })),
  ),
  flood("playback: pauses", `/data/${SMALL_STREAM}/pull?rate=1&${QUERY}`, () =>
    commands({ pause: true }, { play: true }),
  ),
  flood("playback: rates", `/data/${SMALL_STREAM}/pull?rate=1&${QUERY}`, () =>
    commands({ play: { rate: 0.1 } }, { play: { rate: 100 } }, { play: { rate: 0 } }),
  ),
  flood("playback: steps to and fro", `/data/${BIG_STREAM}/pull?rate=1&${QUERY}`, () =>
    commands({ step: 10 }, { step: -10 }),
  ),
  flood("playback: steps that add up", `/data/${BIG_STREAM}/pull?rate=1&${QUERY}`, () =>
    commands({ step: 10 }),
  ),
  flood("playback: steps in many streams", `/data/${ALL_STREAMS}/pull?rate=1&${QUERY}`, () =>
    commands({ step: 10 }, { step: -10 }),
  ),
  flood("playback: live and back", `/data/${BIG_STREAM}/pull?rate=0&${QUERY}`, (client) =>
    times(50, () => Buffer.concat([command({ live: true }), command({ seek: aTime(client) })])),
  ),
  flood(
    "playback: live and back without ever being read",
    `/data/${BIG_STREAM}/pull?rate=0&${QUERY}&ack=1`,
    () => commands({ live: true }, { pause: true }, { step: -1 }, { play: true }),
  ),
  repeated("playback: commands before the handshake's reply", async (client) => {
    const socket = client.connect();
    socket.write(client.upgrade(`/data/${SMALL_STREAM}/pull?rate=1&${QUERY}`));
    socket.write(commands({ pause: true }, { step: 1 }, { live: true }, { play: true }));
    await client.wait(50);
    socket.reset();
  }),
  unread(
    "playback: 50 unread ones of 59 MB",
    Array.from({ length: 50 }, () => `/data/${BIG_STREAM}/pull?rate=0&loop=1&${QUERY}`),
  ),
  unread(
    "playback: 20 unread ones of many streams",
    Array.from({ length: 20 }, () => `/data/${ALL_STREAMS}/pull?rate=100&loop=1`),
  ),
  unread(
    "playback: 50 unread event streams",
    Array.from({ length: 50 }, () => `/data/${BIG_STREAM}/events?rate=0&loop=1&format=base64`),
  ),
  {
    name: "playback: 100 loops of one client",
    atMost: 2,
    async run(client) {
      for (let i = 0; i < 100; i++)
        client.connect().write(client.upgrade(`/data/${SMALL_STREAM}/pull?rate=100&loop=1&${QUERY}`));
      await client.wait(FOR_MS);
    },
  },
  repeated("playback: densities", async (client) => {
    const socket = client.connect();
    for (const path of [
      `${BIG_STREAM}/density?buckets=2000`,
      `*/density?buckets=500`,
      `${BIG_STREAM}/density?buckets=1`,
    ])
      socket.write(client.head("GET", `/data/${path}`));
    await client.wait(100);
    socket.close();
  }),
];

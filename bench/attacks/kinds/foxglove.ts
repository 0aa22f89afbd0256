/** Hostile Foxglove viewers: they do not read, subscribe to everything or to nothing, and send invalid messages. */
import type { Attack, HostileClient } from "../hostile/attack.ts";
import { frame, text } from "../hostile/frames.ts";

const ANSWER_MS = 5000;
const PROTOCOL = { "Sec-WebSocket-Protocol": "foxglove.sdk.v1" };

interface ViewerMessages {
  readonly messages?: (client: HostileClient) => readonly Buffer[];
  readonly reads?: boolean;
  readonly query?: string;
}

/** Opens a viewer, sends it messages, and leaves without a close frame. */
const viewer = (
  name: string,
  { messages = () => [], reads = true, query = "" }: ViewerMessages = {},
): Attack => ({
  name: `foxglove: ${name}`,
  atMost: 20,
  async run(client) {
    const socket = client.connect();
    socket.write(client.upgrade(`/foxglove${query}`, PROTOCOL));
    await socket.received(/serverInfo/, ANSWER_MS);
    if (!reads) socket.stopReading();
    for (const message of messages(client)) socket.write(message);
    await socket.over(ANSWER_MS / 5);
  },
});

/** A subscription to the channels that were advertised so far. */
const subscribeToAll: Attack = {
  name: "foxglove: all channels, which are not read",
  atMost: 20,
  async run(client) {
    const socket = client.connect();
    socket.write(client.upgrade("/foxglove?start=-", PROTOCOL));
    const channels = await socket.received(/"op":"advertise"/, ANSWER_MS);
    const ids = [...channels.matchAll(/"id":(\d+),"topic"/g)].map(([, id]) => Number(id));
    socket.stopReading();
    socket.write(json({ op: "subscribe", subscriptions: ids.map((channelId, id) => ({ id, channelId })) }));
    await socket.over(ANSWER_MS / 5);
  },
};

const json = (value: unknown): Buffer => text(JSON.stringify(value));
const unknown = (count: number): Buffer =>
  json({ op: "subscribe", subscriptions: Array.from({ length: count }, (_, id) => ({ id, channelId: id })) });
const control = (): Buffer => {
  const message = Buffer.alloc(19);
  message.set([3, 0, 0, 0, 0x80, 0x3f, 1]);
  return frame(message);
};

/** The attacks of this kind. */
export const FOXGLOVE: readonly Attack[] = [
  viewer("channels that are not read", { reads: false }),
  subscribeToAll,
  viewer("subscriptions to unknown channels", {
    messages: () => Array.from({ length: 200 }, () => unknown(5000)),
  }),
  viewer("statuses that are not read", {
    reads: false,
    messages: () => Array.from({ length: 20_000 }, () => unknown(1)),
  }),
  viewer("unknown ops", {
    messages: () => Array.from({ length: 5000 }, () => text('{"op":"fetchAsset","uri":"x"}')),
  }),
  viewer("deep and broken JSON", {
    messages: () => [
      text("[".repeat(200_000)),
      text('{"op":'),
      text('{"op":"subscribe","subscriptions":{}}'),
    ],
  }),
  viewer("channels of its own without end", {
    messages: () =>
      Array.from({ length: 2000 }, (_, id) =>
        json({ op: "advertise", channels: [{ id, topic: "/hostile/a", encoding: "json" }] }),
      ),
  }),
  viewer("data of unknown channels", {
    messages: () =>
      Array.from({ length: 5000 }, () =>
        frame(Buffer.concat([Buffer.from([1, 1, 0, 0, 0]), Buffer.alloc(1000)])),
      ),
  }),
  viewer("any bytes", {
    messages: ({ random }) =>
      Array.from({ length: 2000 }, () => frame(Buffer.from([Math.floor(random.fraction() * 256), 1, 2, 3]))),
  }),
  viewer("playback controls without end", {
    query: "?start=-",
    reads: false,
    messages: () => Array.from({ length: 20_000 }, control),
  }),
];

/** `latest` over a link that buffers: the age of received entries, counted in frames. */
import { decode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { connectSocket, type Message, type TestSocket } from "../../support/clients/socket.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { startBadNetwork } from "../../support/redis/bad-network.ts";

const FRAMES = 60;
/** Maximum number of frames in flight while the link is stalled. */
const IN_FLIGHT = 2;

const { redis, gateway } = await openOwnGateway();

/** A numbered picture. */
const frame = (number: number) => Buffer.concat([Buffer.from(`${number} `), Buffer.alloc(100_000)]);
const numberIn = (data: Uint8Array) => Number.parseInt(Buffer.from(data.subarray(0, 10)).toString(), 10);
const add = (stream: string, number: number) =>
  redis.control.call("XADD", `default:${stream}`, `${number}-0`, "d", frame(number));

const numberOfBatch = ({ data }: Message) => {
  const entries = decode(data) as [string, string, Uint8Array][];
  return Math.max(...entries.map(([, , payload]) => numberIn(payload)));
};

/** Returns the number in the next message that has one, in each format. */
async function nextNumber(socket: TestSocket, read: (message: Message) => number): Promise<number> {
  for (;;) {
    const number = read(await socket.next());
    if (Number.isFinite(number)) return number;
  }
}

test.each<[form: string, streams: readonly string[], query: string, read: (message: Message) => number]>([
  ["raw", ["slow-raw"], "header=0", ({ data }) => numberIn(data)],
  ["with a header", ["slow-header"], "", ({ data, isBinary }) => (isBinary ? numberIn(data) : Number.NaN)],
  ["MessagePack", ["slow-packed"], "format=msgpack&block=0", numberOfBatch],
  ["several streams", ["slow-1", "slow-2", "slow-3"], "format=msgpack&block=0", numberOfBatch],
  ["limited in rate", ["slow-rated"], "header=0&max_fps=1000", ({ data }) => numberIn(data)],
])("sends at most two frames into a stalled link, then the newest: %s", async (_, streams, query, read) => {
  await using network = await startBadNetwork(Number(new URL(gateway.http).port));
  const path = `/data/${streams.join("+")}/pull?latest=1&last_entry_id=0&${query}`;
  await using slow = await connectSocket(`${network.url.replace("redis:", "ws:")}${path}`);
  await using quick = await connectSocket(`${gateway.ws}${path}`);
  const both = [slow, quick];
  // Until the link is measured as fast, so that two frames may be in flight.
  for (let number = 1; number <= 5; number++) {
    for (const stream of streams) await add(stream, number);
    for (const socket of both) while ((await nextNumber(socket, read)) < number);
  }
  network.stall();
  // The slow reader was sent the entries of the fast reader, unless it is held back.
  for (let number = 6; number <= FRAMES; number++) {
    for (const stream of streams) await add(stream, number);
    while ((await nextNumber(quick, read)) < number);
  }
  network.forward();
  const stale = new Set<number>();
  for (;;) {
    const number = await nextNumber(slow, read);
    if (number === FRAMES) break;
    stale.add(number);
  }
  expect(stale.size).toBeLessThanOrEqual(IN_FLIGHT);
});

test("does not wait forever for a client that does not answer pings", async () => {
  const url = `${gateway.ws}/data/deaf/pull?latest=1&header=0&last_entry_id=0`;
  const raw = new WebSocket(url, { autoPong: false });
  const seen: number[] = [];
  const sees = (number: number) =>
    new Promise<void>((resolve) => {
      raw.on("message", (data: Buffer) => {
        if (!seen.includes(numberIn(data))) seen.push(numberIn(data));
        if (seen.includes(number)) resolve();
      });
    });
  for (const number of [1, 2, 3, 4]) {
    const seeing = sees(number);
    await add("deaf", number);
    await seeing;
  }
  expect(seen).toEqual([1, 2, 3, 4]);
  raw.terminate();
});

/** Playbacks of viewers: the client library of Foxglove, and the binary messages that it does not know. */
import { beforeEach, describe, expect, test } from "vitest";
import { connectViewer, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway();
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const append = (key: string, id: string, data = `{"id": "${id}"}`) =>
  redis.control.call("XADD", key, id, "d", data);

/** Two streams, whose entries alternate, 2 ms apart. */
async function record(): Promise<void> {
  for (let n = 0; n < 10; n++) {
    await append("rover:a", `${100_000 + 4 * n}-0`);
    await append("rover:b", `${100_002 + 4 * n}-1`);
  }
}

/** State of a playback in a binary message. */
interface State {
  readonly status: number;
  readonly time: bigint;
  readonly speed: number;
  readonly didSeek: number;
  readonly requestId: string;
}

/** Collects the states that a viewer receives. */
function statesOf({ raw }: TestViewer): State[] {
  const states: State[] = [];
  raw.on("message", (data: ArrayBuffer | Buffer, isBinary) => {
    const bytes = data instanceof ArrayBuffer ? Buffer.from(data) : data;
    if (!isBinary || bytes[0] !== 5) return;
    states.push({
      status: bytes.readUInt8(1),
      time: bytes.readBigUInt64LE(2),
      speed: bytes.readFloatLE(10),
      didSeek: bytes.readUInt8(14),
      requestId: bytes.toString("utf8", 19, 19 + bytes.readUInt32LE(15)),
    });
  });
  return states;
}

/** Sends a playback control. */
function control(
  { raw }: TestViewer,
  command: 0 | 1,
  speed: number,
  seek: bigint | undefined,
  id: string,
): void {
  const head = Buffer.alloc(19);
  head.writeUInt8(3, 0);
  head.writeUInt8(command, 1);
  head.writeFloatLE(speed, 2);
  head.writeUInt8(seek === undefined ? 0 : 1, 6);
  head.writeBigUInt64LE(seek ?? 0n, 7);
  head.writeUInt32LE(id.length, 15);
  raw.send(Buffer.concat([head, Buffer.from(id)]));
}

const ms = (time: number) => BigInt(time) * 1_000_000n;
const connect = (query = "?start=-") => connectViewer(`${gateway.ws}/foxglove/rover${query}`);
const answer = async (states: readonly State[], id: string) => {
  await until(`${id} is answered`, () => states.some(({ requestId }) => requestId === id));
  return states.find(({ requestId }) => requestId === id);
};

describe("serverInfo", () => {
  test("has the range of the streams, or of the request", async () => {
    await record();
    await using all = await connect("?start=-&end=%2B");
    expect(all.info).toMatchObject({
      capabilities: ["clientPublish", "time", "playbackControl"],
      dataStartTime: { sec: 100, nsec: 0 },
      dataEndTime: { sec: 100, nsec: 38_000_001 },
    });
    await using part = await connect("?start=100004&end=100010-5");
    expect(part.info).toMatchObject({
      dataStartTime: { sec: 100, nsec: 4_000_000 },
      dataEndTime: { sec: 100, nsec: 10_000_005 },
    });
  });

  test.each([
    ["start=x", "start must be an entry id"],
    ["start=5&end=4", "end must not be before start"],
  ])("%s closes the connection", async (query, problem) => {
    const socket = await connectSocket(`${gateway.ws}/foxglove?${query}`, {}, ["foxglove.sdk.v1"]);
    const { code, reason } = await socket.closed;
    expect([code, reason]).toEqual([1008, expect.stringContaining(`BAD_PARAMETER: ${problem}`)]);
  });

  test("of no streams at all has an empty range", async () => {
    await using viewer = await connect();
    const { dataStartTime, dataEndTime } = viewer.info as unknown as Record<string, unknown>;
    expect(dataStartTime).toEqual(dataEndTime);
  });
});

describe("a playback", () => {
  test("merges its channels by time, and time precedes each instant", async () => {
    await record();
    await using viewer = await connect();
    const order: string[] = [];
    viewer.client.on("time", ({ timestamp }) => order.push(`time ${timestamp}`));
    viewer.client.on("message", ({ timestamp }) => order.push(`message ${timestamp}`));
    const states = statesOf(viewer);
    const ids = [(await viewer.channel("/rover/a")).id, (await viewer.channel("/rover/b")).id];
    const subscriptions = ids.map((channelId, id) => ({ id, channelId }));
    viewer.raw.send(JSON.stringify({ op: "subscribe", subscriptions }));
    await until("it has ended", () => states.some(({ status }) => status === 3));
    const times = Array.from({ length: 20 }, (_, n) => ms(100_000 + 2 * n) + BigInt(n % 2));
    expect(order).toEqual(times.flatMap((time) => [`time ${time}`, `message ${time}`]));
    expect(states.map(({ status }) => status)).toEqual([0, 3]);
    expect(states.at(-1)?.time).toBe(times.at(-1));
  });

  test("pauses, seeks and plays at another speed, and answers with the request id", async () => {
    await record();
    // Two entries in a range of a day: the playback would take that long.
    await append("rover:a", "86400000-0");
    await using viewer = await connect();
    const states = statesOf(viewer);
    const a = await viewer.subscribe("/rover/a");
    await viewer.received(a, 10);
    control(viewer, 1, 1, undefined, "pause");
    expect(await answer(states, "pause")).toMatchObject({ status: 1, speed: 1, didSeek: 0 });
    control(viewer, 1, 1, ms(100_020), "seek");
    expect(await answer(states, "seek")).toMatchObject({ status: 1, time: ms(100_020), didSeek: 1 });
    expect(viewer.messages).toHaveLength(10);
    control(viewer, 0, 0.5, undefined, "play");
    expect(await answer(states, "play")).toMatchObject({ status: 0, speed: 0.5, didSeek: 0 });
    const received = await viewer.received(a, 15);
    expect(received.slice(10).map(({ time }) => time)).toEqual(
      [100_020, 100_024, 100_028, 100_032, 100_036].map(ms),
    );
    // The time moved backwards once, for the seek.
    const back = viewer.times.filter((time, i) => time < (viewer.times[i - 1] ?? 0n));
    expect(back).toEqual([ms(100_020)]);
    control(viewer, 0, 1, ms(99_999_999), "end");
    expect(await answer(states, "end")).toMatchObject({ didSeek: 1, time: ms(86_400_000) });
    expect((await viewer.received(a, 16))[15]?.time).toBe(ms(86_400_000));
    await until("it has ended", () => states.at(-1)?.status === 3);
  });

  test("plays channels that are added later from the present time", async () => {
    await record();
    await append("rover:a", "86400000-0");
    await append("rover:b", "86400000-0");
    await using viewer = await connect();
    const states = statesOf(viewer);
    const a = await viewer.subscribe("/rover/a");
    await viewer.received(a, 10);
    const b = await viewer.subscribe("/rover/b");
    control(viewer, 0, 1, ms(86_400_000), "end");
    await answer(states, "end");
    expect((await viewer.received(b, 1))[0]?.time).toBe(ms(86_400_000));
  });

  test("waits while it has no channel, and takes commands before the first one", async () => {
    await record();
    await append("rover:a", "86400000-0");
    await using viewer = await connect();
    const states = statesOf(viewer);
    await viewer.channel("/rover/a");
    control(viewer, 1, 1, ms(100_030), "early");
    expect(await answer(states, "early")).toMatchObject({ status: 1, time: ms(100_030), didSeek: 1 });
    let a = await viewer.subscribe("/rover/a");
    control(viewer, 0, 1, undefined, "play");
    await answer(states, "play");
    const times = async (count: number) => (await viewer.received(a, count)).map(({ time }) => time);
    expect(await times(2)).toEqual([ms(100_032), ms(100_036)]);
    viewer.client.unsubscribe(a);
    a = await viewer.subscribe("/rover/a");
    control(viewer, 0, 1, ms(86_400_000), "end");
    await answer(states, "end");
    expect(await times(1)).toEqual([ms(86_400_000)]);
    expect(states.map(({ status }) => status).slice(0, 3)).toEqual([1, 0, 0]);
  });

  test("delivers every image, however slowly the viewer reads", async () => {
    const image = (n: number) =>
      Buffer.concat([Buffer.from("ffd8ffe000104a464946", "hex"), Buffer.from([n]), Buffer.alloc(500_000)]);
    for (let n = 0; n < 20; n++)
      await redis.control.call("XADD", "rover:cam", `${1000 + n}-0`, "d", image(n));
    await using viewer = await connect();
    const cam = await viewer.subscribe("/rover/cam");
    viewer.raw.pause();
    setTimeout(() => viewer.raw.resume(), 50);
    const received = await viewer.received(cam, 20);
    expect(received.map(({ time }) => time)).toEqual(Array.from({ length: 20 }, (_, n) => ms(1000 + n)));
    expect(viewer.statuses).toEqual([]);
  });

  test.each([
    ["a speed", () => [0, 500, undefined] as const, /speed must be between 0.1 and 100, got 500/],
    ["no speed", () => [0, 0, undefined] as const, /speed must be between/],
  ])("rejects %s out of range", async (_, make, problem) => {
    await record();
    await using viewer = await connect();
    const [command, speed, seek] = make();
    control(viewer, command, speed, seek, "x");
    await until("there is an answer", () => viewer.statuses.length > 0);
    expect(viewer.statuses[0]?.message).toMatch(problem);
  });
});

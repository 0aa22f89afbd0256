/** Device presence by sockets, over several gateways, also after one is killed. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const DEVICE_TIMEOUT = "0.6";

let redis: TestRedis;
let gateway: TestGateway;
let other: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { DEVICE_TIMEOUT });
  other = await startTestGateway(redis.url, { DEVICE_TIMEOUT, DEVICE_PRESENCE: "auto" });
});
afterAll(async () => {
  await gateway.close();
  await other.close();
  await redis[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const list = async (...command: string[]) => (await redis.control.call(...command)) as Buffer[];
const connected = async () => (await list("SMEMBERS", ":devices:connected")).map(String).toSorted();
const isConnected = async (device: string) => (await connected()).includes(device);
/** Returns the events of a device in the system stream, in order. */
const eventsOf = async (device: string) => {
  const entries = (await redis.control.call("XRANGE", ":event:device.connected", "-", "+")) as [
    Buffer,
    [Buffer, Buffer],
  ][];
  const events = entries.map(([, [, data]]) => JSON.parse(String(data)));
  return events.filter(({ device_id }) => device_id === device);
};

test("lasts from the first socket to the end of the last", async () => {
  await redis.control.call("SET", ":devices:meta:rover", '{"x":1}');
  const url = `${gateway.ws}/data/imu/push?device_id=rover&presence=1`;
  const first = await connectSocket(url);
  await until("it is connected", () => isConnected("rover"));
  const second = await connectSocket(url);
  first.close();
  await first.closed;
  second.send("[]");
  second.send(Buffer.from("x"));
  await until(
    "what the second one sent is there",
    async () => (await redis.control.call("XLEN", "rover:imu")) === 1,
  );
  expect(await connected()).toEqual(["rover"]);
  second.close();
  await until("it is disconnected", async () => !(await isConnected("rover")));
  expect(await eventsOf("rover")).toEqual([
    { device_id: "rover", connected: true, meta: { x: 1 } },
    { device_id: "rover", connected: false },
  ]);
  expect(await list("SMEMBERS", ":devices:seen")).toEqual([Buffer.from("rover")]);
  expect((await list("KEYS", ":devices:lease*")).map(String)).toEqual([]);
});

test("is recorded only if the socket requests it, or the setting does for all", async () => {
  await using _quiet = await connectSocket(`${gateway.ws}/data/a/push?device_id=quiet`);
  await using _declined = await connectSocket(`${other.ws}/data/a/push?device_id=declined&presence=0`);
  await using _auto = await connectSocket(`${other.ws}/data/a/push?device_id=auto`);
  await using _none = await connectSocket(`${other.ws}/data/a/push`);
  await until("both are connected", async () => (await connected()).length === 2);
  expect(await connected()).toEqual(["auto", "default"]);
});

test("counts sockets on two gateways as one presence", async () => {
  const first = await connectSocket(`${gateway.ws}/data/a/push?device_id=rover&presence=1`);
  const second = await connectSocket(`${other.ws}/data/a/push?device_id=rover&presence=1`);
  const leases = () => redis.control.call("ZCARD", ":devices:lease:rover");
  await until("both hold it", async () => (await leases()) === 2);
  first.close();
  await until("one has let go", async () => (await leases()) === 1);
  expect(await isConnected("rover")).toBe(true);
  second.close();
  await until("it is disconnected", async () => !(await isConnected("rover")));
  expect((await eventsOf("rover")).map(({ connected: is }) => is)).toEqual([true, false]);
});

test("ends after the timeout for a silent socket, and returns when it sends again", async () => {
  await using socket = await connectSocket(`${gateway.ws}/data/a/push?device_id=rover&presence=1&header=0`);
  await until("it is connected", () => isConnected("rover"));
  socket.raw.pause();
  await until("it is disconnected", async () => !(await isConnected("rover")));
  socket.raw.resume();
  socket.send("still here");
  await until("it is connected again", () => isConnected("rover"));
  expect((await eventsOf("rover")).map(({ connected: is }) => is)).toEqual([true, false, true]);
});

test("ends for the devices of a killed gateway, with one event each", async () => {
  await using doomed = await startGatewayProcess({ env: { REDIS_URL: redis.url, DEVICE_TIMEOUT } });
  const devices = Array.from({ length: 20 }, (_, i) => `d${i}`);
  const sockets = await Promise.all(
    devices.map((id) => connectSocket(`${doomed.ws}/data/a/push?device_id=${id}&presence=1`)),
  );
  // One of them is also connected to another gateway.
  await using _both = await connectSocket(`${gateway.ws}/data/a/push?device_id=d0&presence=1`);
  await until("all are connected", async () => (await connected()).length === devices.length);
  await until("d0 is held twice", async () => (await redis.control.call("ZCARD", ":devices:lease:d0")) === 2);
  doomed.signal("SIGKILL");
  await doomed.ended;
  await Promise.all(sockets.map((socket) => socket.closed));
  await until("they are disconnected", async () => (await connected()).length === 1);
  expect(await connected()).toEqual(["d0"]);
  for (const id of devices)
    expect(
      (await eventsOf(id)).map(({ connected: is }) => is),
      id,
    ).toEqual(id === "d0" ? [true] : [true, false]);
});

test("keeps a state that was set by hand until it is changed", async () => {
  await redis.control.call("SADD", ":devices:connected", "manual");
  await using socket = await connectSocket(`${gateway.ws}/data/a/push?device_id=rover&presence=1`);
  await until("it is connected", () => isConnected("rover"));
  await redis.control.call("SREM", ":devices:connected", "rover");
  const renewed = async () =>
    Number(await redis.control.call("ZSCORE", ":devices:lease:rover", await holder()));
  const holder = async () => String((await list("ZRANGE", ":devices:lease:rover", "0", "0"))[0]);
  const before = await renewed();
  await until("the lease is renewed", async () => (await renewed()) > before);
  expect(await connected()).toEqual(["manual"]);
  socket.close();
  await until(
    "the lease is given back",
    async () => (await redis.control.call("EXISTS", ":devices:lease:rover")) === 0,
  );
  expect((await eventsOf("rover")).map(({ connected: is }) => is)).toEqual([true]);
});

test("is restored after Redis was unavailable for longer than the timeout", async () => {
  await using own = await startRedis("--appendonly", "yes");
  await using waiting = await startTestGateway(own.url, { DEVICE_TIMEOUT });
  await using _socket = await connectSocket(`${waiting.ws}/data/a/push?device_id=rover&presence=1`);
  const isThere = async () => (await own.control.call("SISMEMBER", ":devices:connected", "rover")) === 1;
  await until("it is connected", isThere);
  await own.kill();
  await until("the test's own connection is lost too", () => !own.control.isReady());
  await own.start();
  await own.control.call("DEL", ":devices:connected", ":devices:lease:rover", ":devices:leases");
  await until("it is connected again", isThere);
});

test("ends for the devices of a gateway that stops in order", async () => {
  const leaving = await startTestGateway(redis.url, { DEVICE_TIMEOUT: "60" });
  const socket = await connectSocket(`${leaving.ws}/data/a/push?device_id=rover&presence=1`);
  await until("it is connected", () => isConnected("rover"));
  await leaving.close();
  await socket.closed;
  expect(await isConnected("rover")).toBe(false);
});

test("is released in Redis before a gateway stops, also for devices whose sockets closed before", async () => {
  const leaving = await startTestGateway(redis.url, { DEVICE_TIMEOUT: "60", SHUTDOWN_MS: "600000" });
  const socket = await connectSocket(`${leaving.ws}/data/a/push?device_id=rover&presence=1`);
  await until("it is connected", () => isConnected("rover"));
  // Redis receives the release at once and executes it a second later.
  await redis.control.call("CLIENT", "PAUSE", "1000", "WRITE");
  await leaving.close();
  await socket.closed;
  expect(await isConnected("rover")).toBe(false);
});

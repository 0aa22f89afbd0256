/** Clients receive the reason for a wait within three seconds: Redis or the gateway is unavailable. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Status } from "../../../client/gateway/gateway.ts";
import { connect } from "../../../client/index.ts";
import { startBrowser } from "../../support/browser/browser.ts";
import { bannerOf, openConsole, openStream } from "../../support/browser/console-page.ts";
import { openAnswer, request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
const logged: string[] = [];
beforeEach(async () => {
  redis = await startRedis();
  logged.length = 0;
  const note = (_fields: object, message: string) => logged.push(message);
  const logger = { ...silent, warn: note, info: note };
  gateway = await startTestGateway(redis.url, { REDIS_WAIT_MS: "20000" }, logger);
});
afterEach(async () => {
  redis.thaw();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** Waits until a client has opened its WebSocket. */
const isConnected = (kind: "pull" | "push") =>
  until(`a ${kind} is connected`, async () =>
    new RegExp(`^redis_streamer_connections{kind="${kind}"} 1$`, "m").test(
      (await request(`${gateway.http}/metrics`)).text,
    ),
  );

/** The states of a client's connection, in order and without repeats. */
function follow() {
  const states: Status["state"][] = [];
  return {
    states,
    onStatus({ state }: Status) {
      if (states.at(-1) !== state) states.push(state);
    },
  };
}

const UNAVAILABLE = { status: { redis: "unavailable", since: expect.stringMatching(/^\d{4}-.*Z$/) } };
const AVAILABLE = { status: { redis: "available" } };

test.each(["hangs", "is killed"])(
  "a Redis that %s is reported to sockets, events, health and metrics",
  async (how) => {
    const pull = (query: string) => connectSocket(`${gateway.ws}/data/cam/pull?block=0&${query}`);
    await using json = await pull("format=json&status=1");
    await using quiet = await pull("format=json");
    await using old = await pull("header=1");
    await using push = await connectSocket(`${gateway.ws}/data/cam/push?ack=1&header=0&status=1`);
    await using oldPush = await connectSocket(`${gateway.ws}/data/cam/push?ack=1&header=0`);
    await using events = await openAnswer(`${gateway.http}/data/cam/events?status=1`);
    let received = "";
    void (async () => {
      for (let chunk = await events.next(); chunk !== undefined; chunk = await events.next())
        received += chunk;
    })().catch(() => undefined);
    await until("the events are open", () => received.includes("id:"));

    if (how === "hangs") redis.freeze();
    else await redis.kill();
    expect(JSON.parse(await json.text())).toEqual(UNAVAILABLE);
    expect(JSON.parse(await push.text())).toEqual(UNAVAILABLE);
    await until("events report it", () => /event: state\ndata: {"redis":"unavailable"/.test(received));
    expect(received).toContain(": Redis has not answered since ");
    // A client that connects now receives the status immediately.
    await using late = await pull("format=json&status=1");
    expect(JSON.parse(await late.text())).toEqual(UNAVAILABLE);
    await using lateEvents = await openAnswer(`${gateway.http}/data/cam/events?status=1&last_entry_id=0`);
    let receivedLate = "";
    while (!receivedLate.includes('event: state\ndata: {"redis":"unavailable"'))
      receivedLate += (await lateEvents.next()) ?? expect.fail(`the response ended after ${receivedLate}`);
    const health = await request(`${gateway.http}/healthz`);
    expect([health.status, health.json()]).toMatchObject([
      200,
      { status: "ok", redis_unavailable_since: UNAVAILABLE.status.since },
    ]);
    expect((await request(`${gateway.http}/metrics`)).text).toMatch(/^redis_streamer_redis_unavailable 1$/m);
    expect(logged.filter((line) => line.startsWith("Redis does not reply"))).toHaveLength(1);

    if (how === "hangs") redis.thaw();
    else await redis.start();
    expect(JSON.parse(await json.text())).toEqual(AVAILABLE);
    expect(JSON.parse(await push.text())).toEqual(AVAILABLE);
    await until("events report it", () => received.includes('data: {"redis":"available"}'));
    await until("the metric is 0", async () =>
      /^redis_streamer_redis_unavailable 0$/m.test((await request(`${gateway.http}/metrics`)).text),
    );
    // Clients without status=1 received no status message, and everything works as before.
    oldPush.send("after");
    expect(JSON.parse(await oldPush.text())).toEqual([expect.stringMatching(/^\d+-\d+$/)]);
    expect(await quiet.text()).toContain('"after"');
    expect(await old.text()).toContain('"cam"');
    expect(await json.text()).toContain('"after"');
  },
);

test("accepts status=1 with clean formats only, like gaps=1", async () => {
  await using socket = await connectSocket(`${gateway.ws}/data/cam/pull?status=1`);
  expect(await socket.closed).toMatchObject({ code: 1008, reason: expect.stringContaining("status") });
});

test("client: reports to readers and writers that Redis is unavailable, and that it has recovered", async () => {
  const client = connect(gateway.http);
  const reader = follow();
  const latest = follow();
  const writer = follow();
  const push = client.push("cam", { onStatus: writer.onStatus });
  await push.send("first");
  const got: string[] = [];
  const stop = new AbortController();
  const read = async (options: { latest: boolean; onStatus: (status: Status) => void }) => {
    for await (const entry of client.pull("cam", { ...options, from: "0", signal: stop.signal }))
      got.push(entry.text());
  };
  const failures: unknown[] = [];
  for (const options of [
    { latest: false, onStatus: reader.onStatus },
    { latest: true, onStatus: latest.onStatus },
  ])
    read(options).catch((error: unknown) => failures.push(error));
  await until(
    () => `both read: ${failures}`,
    () => got.length === 2,
  );
  redis.freeze();
  for (const one of [reader, latest, writer])
    await until("it is received", () => one.states.at(-1) === "redis-unavailable");
  const sent = push.send("second");
  redis.thaw();
  await sent;
  for (const one of [reader, latest, writer]) {
    await until("it is received", () => one.states.at(-1) === "open");
    expect(one.states).toEqual(["connecting", "open", "redis-unavailable", "open"]);
  }
  await until("the entry arrives", () => got.length === 4);
  stop.abort();
  await push.close();
});

test("client: reports to readers and writers that the gateway hangs, and that it has recovered", async () => {
  await using hanging = await startGatewayProcess({ env: { REDIS_URL: redis.url } });
  const client = connect(hanging.http);
  const reader = follow();
  const writer = follow();
  const push = client.push("cam", { onStatus: writer.onStatus });
  await push.send("first");
  const stop = new AbortController();
  const got: string[] = [];
  void (async () => {
    for await (const entry of client.pull("cam", {
      from: "0",
      signal: stop.signal,
      onStatus: reader.onStatus,
    }))
      got.push(entry.text());
  })().catch(() => undefined);
  await until("it reads", () => got.length === 1);
  hanging.signal("SIGSTOP");
  const sent = push.send("second");
  for (const one of [reader, writer]) await until("it is received", () => one.states.at(-1) === "silent");
  hanging.signal("SIGCONT");
  await sent;
  for (const one of [reader, writer]) {
    await until("it is received", () => one.states.at(-1) === "open");
    expect(one.states).toEqual(["connecting", "open", "silent", "open"]);
  }
  stop.abort();
  await push.close();
});

test("console: shows the reason for a wait and its start", async () => {
  await redis.control.call("XADD", "default:log", "*", "d", "hello");
  await using browser = await startBrowser();
  await using console = await openConsole(browser, gateway.http);
  const pane = await openStream(console.page, "default:log");
  const mode = pane.locator(".status-line .chip");
  // The only entry may be some seconds old.
  const following = mode.getByText(/^(live|no data for .*)$/);
  await following.waitFor();
  await isConnected("pull");
  redis.freeze();
  await pane.getByText(/^Redis has not responded since \d\d:\d\d:\d\d/).waitFor();
  await mode.getByText("waiting").waitFor();
  await bannerOf(console.page).getByText("The page may be out of date.").waitFor();
  redis.thaw();
  await following.waitFor();
  await until("nothing is missing", async () => (await bannerOf(console.page).textContent()) === "");
});

test.each(["pull-raw", "push-increment"])(
  "the command line's %s reports it on standard error",
  async (command) => {
    const cli = fileURLToPath(new URL("../../../dist/bin/redis-streamer.js", import.meta.url));
    const args = [cli, command, "counter", "--url", gateway.http];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "exit");
    let received = "";
    child.stdout.resume();
    child.stderr.on("data", (chunk) => {
      received += chunk;
    });
    const kind = command.startsWith("pull") ? "pull" : "push";
    await isConnected(kind);
    redis.freeze();
    await until("the outage is reported", () =>
      /the gateway's Redis has not responded since \d\d:\d\d:\d\d/.test(received),
    );
    redis.thaw();
    await until("the recovery is reported", () => received.includes("responding again"));
    child.kill("SIGINT");
    await ended;
  },
);

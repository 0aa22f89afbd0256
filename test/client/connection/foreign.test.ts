/** Servers that are not a gateway: an error if no retry can succeed, and retries while the gateway is down. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { connect, type Status, type Streamer, StreamerError } from "../../../client/index.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

interface Vectors {
  readonly foreignResponses: readonly {
    readonly response: string;
    readonly code: string;
    readonly shown: string;
  }[];
  readonly outageResponses: readonly string[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8"));
const backoff = { firstMs: 5, mostMs: 20 };

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** Starts a server that responds to each connection with the same bytes, and closes it. */
async function startForeign(response: string, port = 0): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(response));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const uses: [string, (streamer: Streamer) => Promise<unknown>][] = [
  ["push", (streamer) => streamer.push("imu").send("1")],
  ["pull", (streamer) => streamer.pull("imu", { from: "0" }).next()],
  ["work", (streamer) => streamer.work("imu", { group: "g" })[Symbol.asyncIterator]().next()],
];

test.each(
  vectors.foreignResponses.flatMap((vector) => uses.map(([what, use]) => ({ ...vector, what, use }))),
)("$what: $response is an error with the URL and the response", async ({ response, code, shown, use }) => {
  const server = await startForeign(response);
  const port = portOf(server);
  const error = await use(connect(`http://127.0.0.1:${port}`, { backoff })).catch(
    (thrown: unknown) => thrown,
  );
  server.close();
  expect(error).toBeInstanceOf(StreamerError);
  expect(error).toMatchObject({ code, retryable: false });
  expect((error as StreamerError).message).toContain(`//127.0.0.1:${port}/data/imu`);
  expect((error as StreamerError).message).toContain(shown);
});

test.each(vectors.outageResponses)("retries after %j until the gateway responds", async (response) => {
  const server = await startForeign(response);
  const port = portOf(server);
  let attempts = 0;
  server.on("connection", () => attempts++);
  const push = connect(`http://127.0.0.1:${port}`, { backoff }).push("outage");
  const sent = push.send("1");
  await until("it has tried three times", () => attempts >= 3);
  server.close();
  const gateway = await startTestGateway(redis.url, { PORT: String(port) });
  expect(await sent).toMatch(/^\d+-\d+$/);
  await push.close();
  await gateway.close();
});

test.each(vectors.foreignResponses)(
  "retries after $response if the gateway was reached before",
  async (vector) => {
    const port = await freePort();
    let gateway = await startTestGateway(redis.url, { PORT: String(port) });
    const errors: string[] = [];
    const onStatus = (status: Status) => {
      if (status.state === "waiting") errors.push(String(status.error));
    };
    const push = connect(gateway.http, { backoff }).push("reached", { dedupe: "test", onStatus });
    await push.send("1");
    await gateway.close();
    const server = await startForeign(vector.response, port);
    const sent = push.send("2");
    await until("it has tried", () => errors.some((text) => text.includes(vector.shown)));
    server.close();
    gateway = await startTestGateway(redis.url, { PORT: String(port) });
    expect(await sent).toMatch(/^\d+-\d+$/);
    await push.close();
    await gateway.close();
  },
);

test("requests name what another server responded", async () => {
  const server = await startForeign("SSH-2.0-OpenSSH_9.2\r\n");
  await expect(connect(`http://127.0.0.1:${portOf(server)}`).streams()).rejects.toMatchObject({
    code: "NOT_A_GATEWAY",
    message: expect.stringContaining(`http://127.0.0.1:${portOf(server)}/graphql`),
    retryable: false,
  });
  server.close();
});

test.each(uses)("%s: a server without TLS is an error", async (_what, use) => {
  const gateway = await startTestGateway(redis.url);
  const streamer = connect(gateway.http.replace("http:", "https:"), { backoff });
  await expect(use(streamer)).rejects.toMatchObject({
    code: "NOT_A_GATEWAY",
    message: expect.stringContaining("does not respond over TLS"),
    retryable: false,
  });
  await gateway.close();
});

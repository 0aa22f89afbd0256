/** Lags in `/admin/connections`. */
import { expect, test } from "vitest";
import { connectViewer } from "../../../support/clients/foxglove-client.ts";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

interface Shown {
  readonly kind: string;
  readonly streams: readonly string[];
  readonly lagMs: number | null;
}

const listed = async (): Promise<readonly Shown[]> =>
  (await request(`${gateway.http}/admin/connections`)).json() as Shown[];
const lagOf = async (kind: string, stream: string) =>
  (await listed()).find((one) => one.kind === kind && one.streams.includes(stream))?.lagMs;
const store = (key: string, id: string) => redis.control.call("XADD", key, id, "d", "{}");

test("is the time from the last entry that was sent to the newest one", async () => {
  for (const id of ["1000-0", "3000-0", "9000-0"]) await store("default:slow", id);
  await store("default:quick", "500-0");
  await using reader = await connectSocket(
    `${gateway.ws}/data/slow+quick/pull?count=1&ack=1&last_entry_id=0`,
  );
  // The first payload has an entry of each stream.
  await until("the first entries are sent", async () => (await lagOf("pull", "default:slow")) === 8000);
  reader.send("");
  await until("the second is sent", async () => (await lagOf("pull", "default:slow")) === 6000);
  await store("default:slow", "9500-0");
  await until("the stream grows", async () => (await lagOf("pull", "default:slow")) === 6500);
  await redis.control.call("DEL", "default:slow");
  await until("nothing is left to read", async () => (await lagOf("pull", "default:slow")) === 0);
});

test("counts from the first entry, also for a cursor before it", async () => {
  for (const id of ["5000-0", "7000-0"]) await store("default:begun", id);
  await using reader = await connectSocket(
    `${gateway.ws}/data/waiting+begun/pull?count=1&ack=1&last_entry_id=1`,
  );
  await reader.next();
  await store("default:waiting", "90000-0");
  await store("default:waiting", "95000-0");
  await until("the new stream is behind", async () => (await lagOf("pull", "default:begun")) === 5000);
});

test("is 0 at the end of the streams, on each route", async () => {
  await store("default:end", "5000-0");
  await using pull = await connectSocket(`${gateway.ws}/data/end/pull?last_entry_id=$`);
  await using events = await openAnswer(`${gateway.http}/data/end/events`);
  await using pictures = await openAnswer(`${gateway.http}/data/end/mjpeg`);
  const query = encodeURIComponent('subscription { data(streamIds: ["end"]) { time } }');
  await using operation = await openAnswer(`${gateway.http}/graphql?query=${query}`, {
    accept: "text/event-stream",
  });
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  expect((await listed()).find(({ kind }) => kind === "foxglove")?.lagMs).toBeNull();
  await viewer.subscribe("/default/end");
  for (const kind of ["pull", "events", "mjpeg", "graphql", "foxglove"])
    await until(`${kind} is live`, async () => (await lagOf(kind, "default:end")) === 0);
  expect([pull, events, pictures, operation]).toHaveLength(4);
});

test("is null for writers, and while history is played back", async () => {
  for (const id of ["1000-0", "900000-0"]) await store("default:film", id);
  await using push = await connectSocket(`${gateway.ws}/data/film/push?ack=1`);
  await using playback = await connectSocket(
    `${gateway.ws}/data/film/pull?start=-&rate=1&control=1&format=json`,
  );
  await playback.next();
  expect(await lagOf("push", "default:film")).toBeNull();
  expect(await lagOf("pull", "default:film")).toBeNull();
  playback.send('{"live":true}');
  await until("it is live", async () => (await lagOf("pull", "default:film")) === 0);
  expect(push).toBeDefined();
});

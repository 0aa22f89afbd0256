/** Names of consumer groups and consumers on every route: they follow the rule of stream names. */
import { describe, expect, test } from "vitest";
import { connect } from "../../../../client/index.ts";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

const LONG = "n".repeat(1025);

describe.each([
  "plain",
  "a+b",
  "+",
  "%",
  "a%2Bb",
  "a/b",
  "/",
  "a b",
  "a:b",
  "{}",
  "*",
  "😀",
  "nul\0byte",
  "\0",
  "line\r\nbreak",
  "__proto__",
])("a group and a consumer %j", (name) => {
  const encoded = encodeURIComponent(name);
  const at = (stream: string, path = "") =>
    `${gateway.http}/data/${stream}/work/${encoded}${path}?consumer=${encoded}`;

  test("is the same one on all HTTP and WebSocket routes", async () => {
    const stream = `http-${Math.random()}`;
    await redis.control.call("XADD", `default:${stream}`, "5-1", "d", "first");
    await redis.control.call("XADD", `default:${stream}`, "5-2", "d", "second");
    const next = await request(`${at(stream, "/next")}&from=0&count=1`, { method: "POST" });
    expect(next.json()).toEqual([[stream, "5-1", "first", null, { n: 1 }]]);
    expect((await request(`${gateway.http}/data/${stream}/work`)).json()).toMatchObject([
      { group: name, pending: 1 },
    ]);
    expect((await request(at(stream, "/pending"))).json()).toMatchObject([{ id: "5-1", consumer: name }]);
    const settled = await request(at(stream), { method: "POST", body: '{"ack": ["5-1"]}' });
    expect(settled.json()).toEqual({ ack: 1, late: [] });
    {
      await using worker = await connectSocket(`${at(stream).replace("http", "ws")}&format=json`);
      expect(JSON.parse(await worker.text())).toEqual([[stream, "5-2", "second", null, { n: 1 }]]);
    }
    // Without workers, which would create the group again.
    await until("the worker has left", async () => {
      const [held] = (await request(at(stream, "/pending"))).json() as { readonly consumer: unknown }[];
      return held?.consumer !== name;
    });
    expect((await request(at(stream), { method: "DELETE" })).status).toBe(204);
    expect((await request(at(stream, "/pending"))).status).toBe(404);
  });

  test("is the same one for the client", async () => {
    const stream = `client-${Math.random()}`;
    await redis.control.call("XADD", `default:${stream}`, "5-1", "d", "first");
    for await (const job of connect(gateway.http).work(stream, { group: name, consumer: name, from: "0" })) {
      expect(job.text()).toBe("first");
      const [pending] = (await request(at(stream, "/pending"))).json() as { consumer: string }[];
      expect(pending?.consumer).toBe(name);
      await job.ack();
      break;
    }
  });
});

test.each([
  ["a group", `/data/a/work/${LONG}/next?consumer=w`, "group must be at most 1024 bytes, got 1025"],
  ["a consumer", `/data/a/work/g/next?consumer=${LONG}`, "consumer must be at most 1024 bytes, got 1025"],
])("%s that is too long is rejected", async (_what, path, message) => {
  const answer = await request(gateway.http + path, { method: "POST" });
  expect(answer.json()).toMatchObject({ code: "BAD_PARAMETER", error: message });
});

test.each(["", ".", ".."])("the client rejects the names %j, which no URL can contain", async (name) => {
  const streamer = connect(gateway.http);
  const working = streamer.work("a", { group: name }).run(() => undefined);
  await expect(working).rejects.toThrow('name must not be empty, "." or ".."');
  await expect(streamer.recording(name)).rejects.toThrow('name must not be empty, "." or ".."');
});

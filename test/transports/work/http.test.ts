/** Consumer groups over HTTP: receiving, settling, listing, removing. */
import { decode } from "@msgpack/msgpack";
import { afterEach, describe, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();
afterEach(() => redis.control.call("FLUSHALL"));

const redisDoes = (...command: (string | number)[]) => redis.control.call(...command);
const send = (method: string, path: string, body?: string) =>
  request(`${gateway.http}/data/${path}`, { method, ...(body !== undefined && { body }) });
const next = (query: string) => send("POST", `cam/work/g/next?consumer=w&from=0&${query}`);
const settle = async (body: string, query = "consumer=w") =>
  (await send("POST", `cam/work/g?${query}`, body)).json();

describe("receiving", () => {
  test("returns the entries that are there, at most count", async () => {
    for (const id of ["5-1", "5-2", "5-3"]) await redisDoes("XADD", "default:cam", id, "d", id);
    const first = await next("count=2");
    expect(first.status).toBe(200);
    expect(first.json()).toEqual([
      ["cam", "5-1", "5-1", null, { n: 1 }],
      ["cam", "5-2", "5-2", null, { n: 1 }],
    ]);
    expect((await next("count=2")).json()).toEqual([["cam", "5-3", "5-3", null, { n: 1 }]]);
    expect((await next("wait=0")).status).toBe(204);
  });

  test("waits for an entry", async () => {
    const waiting = next("wait=20000");
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    expect((await waiting).json()).toEqual([["cam", "5-1", "x", null, { n: 1 }]]);
  });

  test("returns MessagePack on request", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    const { body } = await next("format=msgpack");
    expect(decode(body)).toEqual([["cam", "5-1", Buffer.from("x"), null, { n: 1 }]]);
  });

  test("keeps what the worker holds between its requests, and delivers it again after ack_wait", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    expect((await next("ack_wait=200")).status).toBe(200);
    expect((await next("wait=20000&ack_wait=200")).json()).toEqual([["cam", "5-1", "x", null, { n: 2 }]]);
    expect(await settle('{"ack": ["5-1"]}', "consumer=other")).toEqual({ ack: 0, late: ["5-1"] });
    expect(await settle('{"ack": ["5-1"]}')).toEqual({ ack: 1, late: [] });
  });

  test("reads a stream of lower priority only if the first has nothing", async () => {
    await redisDoes("XADD", "default:b", "5-1", "d", "b");
    await redisDoes("XADD", "default:a", "5-1", "d", "a");
    const both = () => send("POST", "a+b/work/g/next?consumer=w&from=0&format=json");
    expect((await both()).json()).toEqual([["a", "5-1", "a", null, { n: 1 }]]);
    expect((await both()).json()).toEqual([["b", "5-1", "b", null, { n: 1 }]]);
  });

  test("lists entries that were trimmed", async () => {
    await redisDoes("XADD", "default:cam", "5-1", "d", "x");
    await next("ack_wait=100");
    await redisDoes("XDEL", "default:cam", "5-1");
    const answer = await next("ack_wait=100&wait=400");
    expect([answer.status, answer.headers["x-lost"]]).toEqual([204, '["5-1"]']);
  });
});

describe("settling", () => {
  test("acknowledges, refuses and gives up", async () => {
    for (const id of ["5-1", "5-2", "5-3"]) await redisDoes("XADD", "default:cam", id, "d", id);
    await next("count=3");
    expect(
      await settle('{"ack": ["5-1"], "nack": ["5-2"], "term": ["5-3", "9-9"], "reason": "bad"}'),
    ).toEqual({
      ...{ ack: 1, nack: 1, term: 1 },
      late: ["9-9"],
    });
    expect((await next("")).json()).toEqual([["cam", "5-2", "5-2", null, { n: 2 }]]);
    const [[, fields] = []] = (await redisDoes("XRANGE", "default:cam:dead:g", "-", "+")) as [
      Buffer,
      Buffer[],
    ][];
    expect(fields?.map(String)).toEqual([
      "stream",
      "default:cam",
      "id",
      "5-3",
      "n",
      "1",
      "reason",
      "bad",
      "d",
      "5-3",
    ]);
  });

  test.each([
    ["", "the message must be JSON"],
    ['{"permits": 1}', "the message must not have permits or token over HTTP"],
    ['{"ack": [["other", "5-1"]]}', "the message ack must name streams of the request"],
  ])("rejects the body %s", async (body, problem) => {
    expect(await settle(body)).toMatchObject({
      code: "BAD_PAYLOAD",
      error: expect.stringContaining(problem),
    });
  });

  test.each(["cam/work//next?consumer=w", "cam/work/?consumer=w"])(
    "rejects the empty group of %s",
    async (path) => {
      expect((await send("POST", path)).status).not.toBe(204);
    },
  );

  test("rejects a worker without a name", async () => {
    expect(await settle('{"ack": []}', "")).toMatchObject({ code: "BAD_PARAMETER" });
    expect((await send("POST", "cam/work/g/next")).status).toBe(400);
  });

  test("reports every entry of a group that does not exist as late", async () => {
    expect(await settle('{"ack": ["5-1"]}')).toEqual({ ack: 0, late: ["5-1"] });
  });
});

describe("groups", () => {
  test("are listed with what is pending, and removed", async () => {
    expect((await send("GET", "cam/work")).json()).toEqual([]);
    expect((await send("GET", "cam/work/g/pending")).json()).toMatchObject({ code: "NOT_FOUND" });
    for (const id of ["5-1", "5-2"]) await redisDoes("XADD", "default:cam", id, "d", id);
    await next("count=1");
    expect((await send("GET", "cam/work")).json()).toEqual([
      { group: "g", lag: 1, pending: 1, consumers: 1, last_delivered: "5-1" },
    ]);
    expect((await send("GET", "cam/work/g/pending")).json()).toEqual([
      { id: "5-1", consumer: "w", idle_ms: expect.any(Number), n: 1 },
    ]);
    expect((await send("DELETE", "cam/work/g")).status).toBe(204);
    expect((await send("DELETE", "cam/work/g")).json()).toMatchObject({ code: "NOT_FOUND" });
    expect((await send("GET", "a+b/work")).json()).toMatchObject({ code: "BAD_PARAMETER" });
  });

  test("are a WebSocket", async () => {
    expect((await send("GET", "cam/work/g")).json()).toMatchObject({ code: "UPGRADE_REQUIRED" });
  });
});

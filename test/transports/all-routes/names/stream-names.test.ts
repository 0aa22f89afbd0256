/** Unusual stream names on every route: an entry stored under a name is read under the same name. */
import { request as nodeRequest } from "node:http";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { connect, StreamerError } from "../../../../client/index.ts";
import { ANYONE, type Identity, may } from "../../../../src/access/identity/authorize.ts";
import { parseGrant } from "../../../../src/access/identity/grant.ts";
import { namingOf } from "../../../../src/domain/streams/stream-name.ts";
import { ask, dataOf } from "../../../support/clients/graphql.ts";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { readEvents } from "../../../support/clients/sse.ts";
import { startTestGateway } from "../../../support/gateway/gateway.ts";
import { createTestKeys } from "../../../support/gateway/keys.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

/** Names that fit one path segment of a URL. */
const NAMES = [
  "plain",
  "a+b",
  "+",
  "a%2Bb",
  "%",
  "a/b",
  "/",
  "a b",
  "a?b#c&d=e",
  "rover2:camera",
  "{}",
  "{a}b",
  "😀",
  "ümläut",
  "nul\0byte",
  "line\r\nbreak",
  '"quoted"',
  "error",
  "open",
  "gap",
  "message",
  "__proto__",
  "constructor",
  "toString",
  "x".repeat(1000),
];

/** Spelling of a name in a request, and the resulting key. */
const SPELLINGS = [
  { title: "device default", query: "", device: undefined, keyOf: (name: string) => `default:${name}` },
  { title: "a device", query: "device_id=rover", device: "rover", keyOf: (name: string) => `rover:${name}` },
  { title: "no device", query: "device_id=", device: "", keyOf: (name: string) => name },
] as const;

const lengthOf = async (key: string) => Number(await redis.control.call("XLEN", key));

describe.each(SPELLINGS)("with $title", ({ query, device, keyOf }) => {
  describe.each(NAMES)("a stream %j", (name) => {
    const segment = encodeURIComponent(name);
    const at = (path: string, more = "") => `/data/${segment}${path}?${query}${more}`;
    const header = async () => JSON.parse(String((await read()).headers["x-offsets"])) as [string, string][];
    const read = () => request(gateway.http + at("", "&last_entry_id=0&count=100&block=0"));

    test("is the same stream for every HTTP and WebSocket route", async () => {
      const key = keyOf(name);
      await redis.control.call("DEL", key);
      await request(gateway.http + at(""), { method: "POST", body: "posted" });
      await using push = await connectSocket(gateway.ws + at("/push", "&header=0&ack=1"));
      push.send(Buffer.from("pushed"));
      expect(JSON.parse(await push.text())).toHaveLength(1);
      expect(await lengthOf(key)).toBe(2);

      expect((await read()).text).toBe("posted" + "pushed");
      expect((await header()).map(([stream]) => stream)).toEqual([name, name]);
      const history = await request(gateway.http + at("/entries", "&format=json"));
      expect(
        (history.json() as [string, string, string][]).map(([stream, , data]) => [stream, data]),
      ).toEqual([
        [name, "posted"],
        [name, "pushed"],
      ]);
      await using pull = await connectSocket(gateway.ws + at("/pull", "&last_entry_id=0&count=2&ack=1"));
      const pulled = await pull.pair();
      expect(pulled.header.map(([stream]) => stream)).toEqual([name, name]);
      expect(pulled.payload.toString()).toBe("posted" + "pushed");
      await using events = await openAnswer(gateway.http + at("/events", "&last_entry_id=0"));
      expect((await readEvents(events).next())?.data).toBe("posted");
      await using mjpeg = await openAnswer(gateway.http + at("/mjpeg"));
      expect(mjpeg.status).toBe(200);
    });

    test("is the same stream for the client", async () => {
      const key = keyOf(name);
      await redis.control.call("DEL", key);
      const streamer = connect(gateway.http);
      const push = streamer.push(name, { device });
      await push.send("sent");
      await push.close();
      expect(await lengthOf(key)).toBe(1);
      for await (const entry of streamer.pull([name], { device, from: "0" })) {
        expect([entry.stream, entry.text()]).toEqual([name, "sent"]);
        break;
      }
      for await (const entry of streamer.entries(name, { device })) expect(entry.text()).toBe("sent");
      await streamer.setMeta(name, { of: name }, { device });
      expect(await streamer.meta(name, { device })).toEqual({ of: name });
      const listed = (await streamer.streams()).find((stream) => stream.key === key);
      expect(listed?.meta).toEqual({ of: name });
      // The pair of the list names the stream in every other call.
      expect(await streamer.meta(listed?.stream ?? "", { device: listed?.device })).toEqual({ of: name });
      expect(await streamer.deleteStream(name, { device })).toBe(true);
      expect(await lengthOf(key)).toBe(0);
    });
  });
});

describe("names that are path segments of their own", () => {
  /** Sends a path unchanged: `fetch` and `new URL` resolve dot segments, escaped ones too. */
  const raw = (method: string, path: string, body = "") =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(gateway.http);
      const sent = nodeRequest({ hostname, port, path, method }, (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (part) => (text += part));
        response.on("end", () => resolve(text));
      });
      sent.on("error", reject);
      sent.end(body);
    });

  test.each([".", ".."])("%j reaches its stream if the client does not resolve it", async (name) => {
    await raw("POST", `/data/${name}`, "dot");
    expect(await lengthOf(`default:${name}`)).toBe(1);
    expect(await raw("GET", `/data/${name}?last_entry_id=0`)).toBe("dot");
  });

  test.each([".", "..", ""])("the client rejects %j, which no URL can contain", async (name) => {
    const streamer = connect(gateway.http);
    expect(() => streamer.push(name)).toThrow(StreamerError);
    await expect(streamer.pull([name]).next()).rejects.toMatchObject({ code: "BAD_PARAMETER" });
    await expect(streamer.entries(name).next()).rejects.toMatchObject({ code: "BAD_PARAMETER" });
  });
});

test("an unescaped plus separates, also for the client's text form", async () => {
  await redis.control.call("XADD", "default:one", "1-1", "d", "1");
  await redis.control.call("XADD", "default:two", "2-1", "d", "2");
  const both = await request(`${gateway.http}/data/one+two?last_entry_id=0+0&count=9`);
  expect(both.text).toBe("12");
  expect((await request(`${gateway.http}/data/one+two?last_entry_id=0%2B2-0&count=9`)).text).toBe("12");
  const seen: string[] = [];
  for await (const { stream } of connect(gateway.http).pull("one+two", { from: "0" })) {
    seen.push(stream);
    if (seen.length === 2) break;
  }
  expect(seen.sort()).toEqual(["one", "two"]);
});

describe("streams of other programs", () => {
  test("are listed and read under their key", async () => {
    await redis.control.call("XADD", "orders", "1-1", "qty", "3", "item", "bolt");
    const streamer = connect(gateway.http);
    const listed = (await streamer.streams()).find(({ key }) => key === "orders");
    expect(listed).toMatchObject({ device: "", stream: "orders", length: 1 });
    const { streams, device } = await dataOf(
      gateway,
      '{ streams(ids: ["orders"]) { id length } device(id: "") { streamIds stream(streamId: "orders") { length } } }',
    );
    expect(streams).toEqual([{ id: "orders", length: 1 }]);
    expect(device).toMatchObject({ stream: { length: 1 } });
    expect((device as { streamIds: string[] }).streamIds).toContain("orders");
    const { text } = await request(`${gateway.http}/data/orders?device_id=&last_entry_id=0&format=json`);
    expect(JSON.parse(text)).toEqual([["orders", "1-1", "", { qty: "3", item: "bolt" }]]);
  });
});

describe("ids as lists show them", () => {
  const metaAt = async (key: string) =>
    String((await redis.control.call("GET", `:stream:meta:${key}`)) ?? "");

  test("mean their key in mutations", async () => {
    await redis.control.call("XADD", "rover9:camera", "*", "d", "x");
    await dataOf(gateway, 'mutation { updateStreamMeta(streamId: "rover9:camera", meta: {a: 1}) }');
    expect(await metaAt("rover9:camera")).toBe('{"a":1}');
    expect(await metaAt("default:rover9:camera")).toBe("");
    await dataOf(gateway, 'mutation { append(streamId: "rover9:camera", entries: [{string: "y"}]) { id } }');
    expect(await lengthOf("rover9:camera")).toBe(2);
    const { deleteStream } = await dataOf(gateway, 'mutation { deleteStream(streamId: "rover9:camera") }');
    expect(deleteStream).toEqual({ data_deleted: true, meta_deleted: true, stream_deleted: true });
  });

  test("an explicit device takes precedence; an id without a device belongs to device default", async () => {
    await redis.control.call("XADD", "shared", "*", "d", "bare");
    await dataOf(
      gateway,
      'mutation { updateStreamMeta(streamId: "shared", deviceId: "default", meta: {d: 1}) }',
    );
    expect(await metaAt("default:shared")).toBe('{"d":1}');
    await dataOf(gateway, 'mutation { updateStreamMeta(streamId: "shared", deviceId: "", meta: {b: 1}) }');
    await dataOf(gateway, 'mutation { updateStreamMeta(streamId: "shared", update: true, meta: {c: 1}) }');
    expect(await metaAt("shared")).toBe('{"b":1,"c":1}');
    await dataOf(gateway, 'mutation { updateStreamMeta(streamId: "new:one", meta: {n: 1}) }');
    expect(await metaAt("default:new:one")).toBe('{"n":1}');
  });

  test("are read-only if they belong to the gateway", async () => {
    await redis.control.call("XADD", ":event:device.connected", "*", "d", "{}");
    const id = '":event:device.connected"';
    for (const mutation of [
      `updateStreamMeta(streamId: ${id}, meta: {a: 1})`,
      `deleteStream(streamId: ${id})`,
      `deleteStream(streamId: ${id}, deviceId: "")`,
      `append(streamId: ${id}, entries: [{string: "x"}]) { id }`,
    ])
      expect((await ask(gateway, `mutation { ${mutation} }`)).errors?.[0]?.extensions.code).toBe("FORBIDDEN");
    const path = `${gateway.http}/data/:event:device.connected?device_id=`;
    expect((await request(path, { method: "POST", body: "x" })).status).toBe(403);
    expect((await request(`${path}&last_entry_id=0`)).text).toBe("{}");
  });

  test("mean their key in subscriptions", async () => {
    await redis.control.call("XADD", "rover8:imu", "1-1", "d", "first");
    const query = 'subscription { data(streamIds: {"rover8:imu": "0"}) { streamId string } }';
    const url = `${gateway.http}/graphql?query=${encodeURIComponent(query.replace('{"rover8:imu": "0"}', "$s").replace("subscription", "subscription($s: JSON!)"))}&variables=${encodeURIComponent('{"s":{"rover8:imu":"0"}}')}`;
    await using answer = await openAnswer(url, { accept: "text/event-stream" });
    const next = await readEvents(answer).next();
    expect(JSON.parse(next?.data ?? "{}")).toEqual({
      data: { data: { streamId: "rover8:imu", string: "first" } },
    });
  });
});

describe("permissions", () => {
  const name = fc.stringMatching(/^[a-c:]{1,4}$/);
  const pattern = fc.stringMatching(/^[a-c:*]{1,5}$/);

  test("property: every spelling of a key needs the same permission", () => {
    fc.assert(
      fc.property(pattern, name, (granted, key) => {
        const identity: Identity = { name: "key:test", grants: [parseGrant(`read:${granted}`)] };
        const expected = may(identity, "read", key);
        for (let colon = -1; ; ) {
          // Without a device, and with each device prefix of the key; the rest is split into prefix and id.
          const device = colon < 0 ? "" : key.slice(0, colon);
          const rest = key.slice(colon + 1);
          for (let cut = 0; cut < rest.length && (colon < 0 || device !== ""); cut++) {
            const naming = namingOf({
              device,
              prefix: rest.slice(0, cut),
              noDevicePrefix: false,
              maxNameBytes: 1024,
            });
            expect(naming.keyOf(rest.slice(cut))).toBe(key);
            expect(may(identity, "read", naming.keyOf(rest.slice(cut)))).toBe(expected);
          }
          colon = key.indexOf(":", colon + 1);
          if (colon < 0) break;
        }
        expect(may(ANYONE, "read", key)).toBe(true);
      }),
    );
  });

  test("device_id= does not bypass a grant", async () => {
    using keys = createTestKeys();
    const secret = keys.add("a", ["read:a:*", "write:a:*", "admin:a:*"]);
    await using guarded = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
    const headers = { authorization: `Bearer ${secret}` };
    await redis.control.call("XADD", "b:x", "*", "d", "secret");
    await redis.control.call("XADD", "bare", "*", "d", "secret");
    const statusOf = async (method: string, path: string) =>
      (await request(guarded.http + path, { method, headers, ...(method === "POST" && { body: "x" }) }))
        .status;
    for (const path of ["/data/b:x?device_id=", "/data/x?device_id=&prefix=b:", "/data/bare?device_id="]) {
      expect(await statusOf("GET", `${path}&block=0`)).toBe(403);
      expect(await statusOf("POST", path)).toBe(403);
    }
    expect(await statusOf("GET", "/data/a:x?device_id=&block=0")).toBe(200);
    expect(await statusOf("POST", "/data/x?device_id=&prefix=a:")).toBe(200);
    const query = 'mutation { deleteStream(streamId: "b:x", deviceId: "") }';
    const answer = await request(`${guarded.http}/graphql`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    expect(answer.text).toContain("FORBIDDEN");
    expect(await lengthOf("b:x")).toBe(1);
    expect((await ask(gateway, "{ streamIds }")).data?.streamIds).toContain("b:x");
  });
});

/** Each route through nginx, with the configuration of docs/operating.md and clients with their own limits. */
import axios from "axios";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAnswer, request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { readEvents } from "../../support/clients/sse.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startNginx, type TestNginx } from "../../support/network/nginx.ts";
import { python } from "../../support/programs/python.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

const ENTRIES = 1000;

let redis: TestRedis;
let gateway: TestGateway;
let nginx: TestNginx;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { PATH_PREFIX: "/streams", TRUST_PROXY: "loopback" });
  nginx = await startNginx({ ...gateway, http: gateway.http.replace("/streams", "") });
  for (let i = 0; i < ENTRIES; i++)
    await redis.control.call("XADD", "default:off", `1732791745123-${i}`, "d", `entry ${i}`);
});
afterAll(async () => {
  await nginx?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** Entries read from a stream to its end by cursor. */
async function readAll(
  read: (url: string) => Promise<{ cursor: string; offsets: string; body: Buffer }>,
): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor = "0"; ; ) {
    const answer = await read(`${nginx.http}/data/off?last_entry_id=${cursor}&count=200&block=0`);
    const offsets: [string, string, number][] = JSON.parse(answer.offsets);
    if (offsets.length === 0) return seen;
    seen.push(...offsets.map(([, , at], i) => answer.body.subarray(at, offsets[i + 1]?.[2]).toString()));
    cursor = answer.cursor;
  }
}
const all = Array.from({ length: ENTRIES }, (_, i) => `entry ${i}`);

describe("reads a batch of 200 entries to the end", () => {
  test("with fetch", async () => {
    const seen = await readAll(async (url) => {
      const answer = await fetch(url);
      expect(answer.status).toBe(200);
      return {
        cursor: answer.headers.get("x-last-entry-id") ?? "",
        offsets: answer.headers.get("x-offsets") ?? "",
        body: Buffer.from(await answer.arrayBuffer()),
      };
    });
    expect(seen).toEqual(all);
  });

  test("with axios", async () => {
    const seen = await readAll(async (url) => {
      const { headers, data } = await axios.get<ArrayBuffer>(url, { responseType: "arraybuffer" });
      return {
        cursor: String(headers["x-last-entry-id"]),
        offsets: String(headers["x-offsets"]),
        body: Buffer.from(data),
      };
    });
    expect(seen).toEqual(all);
  });

  test("with aiohttp", async () => {
    const code = `
import aiohttp, asyncio, json, sys
async def main():
    seen, cursor = [], "0"
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        while True:
            params = {"last_entry_id": cursor, "count": 200, "block": 0}
            async with session.get(sys.argv[1], params=params) as answer:
                body = await answer.read()
                starts = [at for _, _, at in json.loads(answer.headers["x-offsets"])]
                cursor = answer.headers["x-last-entry-id"]
            if not starts:
                break
            ends = starts[1:] + [len(body)]
            seen += [body[start:end].decode() for start, end in zip(starts, ends)]
    print(json.dumps(seen))
asyncio.run(main())`;
    expect(JSON.parse(await python(code, `${nginx.http}/data/off`))).toEqual(all);
  });

  test("in one response with format=msgpack", async () => {
    const answer = await request(`${nginx.http}/data/off?last_entry_id=0&count=1000&format=msgpack`);
    expect(answer.status).toBe(200);
    expect(answer.headers["x-last-entry-id"]).toBe(`1732791745123-${ENTRIES - 1}`);
  });
});

describe("the other routes", () => {
  test("history has links to its pages", async () => {
    let url: string | undefined = `${nginx.http}/data/off/entries?count=1000`;
    let entries = 0;
    while (url !== undefined) {
      const answer = await request(url);
      expect(answer.status).toBe(200);
      entries += JSON.parse(String(answer.headers["x-offsets"])).length;
      const [, next] = /<([^>]*)>; rel="next"/.exec(String(answer.headers.link)) ?? [];
      url = next === undefined ? undefined : new URL(next, url).href;
    }
    expect(entries).toBe(ENTRIES);
  });

  test("delivers a posted entry to pull and events without buffering in the proxy", async () => {
    await using socket = await connectSocket(`${nginx.ws}/data/live/pull?last_entry_id=0`);
    await using answer = await openAnswer(`${nginx.http}/data/live/events?last_entry_id=0`);
    const event = readEvents(answer).next();
    const { status } = await request(`${nginx.http}/data/live`, { method: "POST", body: "hello" });
    expect(status).toBe(200);
    expect((await socket.pair()).payload.toString()).toBe("hello");
    expect((await event)?.data).toBe("hello");
  });

  test("delivers a picture without buffering", async () => {
    const picture = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9]);
    await redis.control.call("XADD", "default:cam", "*", "d", picture);
    await using answer = await openAnswer(`${nginx.http}/data/cam/mjpeg`);
    let seen = Buffer.alloc(0);
    while (!seen.includes(picture)) seen = Buffer.concat([seen, (await answer.next()) ?? Buffer.of()]);
  });

  test("acknowledges a push, answers GraphQL and serves the console", async () => {
    await using socket = await connectSocket(`${nginx.ws}/data/up/push?header=0&ack=1`);
    socket.send(Buffer.from("x"));
    expect(JSON.parse(await socket.text())).toEqual([expect.stringMatching(/^\d+-\d+$/)]);
    const answer = await request(`${nginx.http}/graphql?query={stream(id:"default:up"){length}}`);
    expect(answer.json()).toEqual({ data: { stream: { length: 1 } } });
    expect((await request(`${nginx.http}/`, { headers: { accept: "text/html" } })).status).toBe(200);
  });
});

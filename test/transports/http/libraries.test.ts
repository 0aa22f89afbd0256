/** Common HTTP libraries with their default headers and body types. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import axios from "axios";
import { beforeAll, describe, expect, test } from "vitest";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { python } from "../../support/programs/python.ts";

const run = promisify(execFile);
const { redis, gateway } = await openOwnGateway();

/** The payloads of a stream. */
async function stored(stream: string): Promise<string[]> {
  const entries = (await redis.control.call("XRANGE", `default:${stream}`, "-", "+")) as [Buffer, Buffer[]][];
  return entries.map(([, [field, data]]) => `${field}=${data}`);
}

describe("a posted JSON object is stored unchanged as one entry", () => {
  const POSTS: readonly [library: string, post: (url: string) => Promise<unknown>, payload: string][] = [
    [
      "requests",
      (url) =>
        python('import requests, sys; requests.post(sys.argv[1], json={"t": 21.5}).raise_for_status()', url),
      '{"t": 21.5}',
    ],
    [
      "httpx",
      (url) => python('import httpx, sys; httpx.post(sys.argv[1], json={"t": 21.5}).raise_for_status()', url),
      '{"t": 21.5}',
    ],
    [
      "aiohttp",
      (url) =>
        python(
          `
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        await session.post(sys.argv[1], json={"t": 21.5})
asyncio.run(main())`,
          url,
        ),
      '{"t": 21.5}',
    ],
    ["curl", (url) => run("curl", ["-sS", "--fail", "--json", '{ "t": 21.5 }', url]), '{ "t": 21.5 }'],
    ["axios", (url) => axios.post(url, { t: 21.5 }), '{"t":21.5}'],
    [
      "fetch",
      async (url) => {
        const headers = { "content-type": "APPLICATION/JSON; charset=utf-8" };
        expect((await fetch(url, { method: "POST", headers, body: '{"t":"ü"}' })).status).toBe(200);
      },
      '{"t":"ü"}',
    ],
  ];
  test.each(POSTS)("%s", async (library, post, payload) => {
    await post(`${gateway.http}/data/json-${library}`);
    expect(await stored(`json-${library}`)).toEqual([`d=${payload}`]);
  });
});

test("rejects JSON that is not a batch, names both remedies, and stores it with format=raw", async () => {
  const url = `${gateway.http}/data/number`;
  const answer = await axios.post(url, [21.5, 22], { validateStatus: () => true });
  expect(answer.status).toBe(400);
  expect(answer.data.code).toBe("BAD_HEADER");
  expect(answer.data.error).toContain("[stream_id, entry_id, payload]");
  expect(answer.data.error).toContain("format=raw");
  expect(await stored("number")).toEqual([]);
  await axios.post(`${url}?format=raw`, [21.5, 22]);
  expect(await stored("number")).toEqual(["d=[21.5,22]"]);
});

describe("a library with default headers receives bytes", () => {
  const payload = Buffer.from([0, 255, 128, 10]);
  beforeAll(async () => {
    await redis.control.call("XADD", "default:bytes", "1-0", "d", payload);
  });
  const url = () => `${gateway.http}/data/bytes?last_entry_id=0`;
  const offsets = '[["bytes","1-0",0]]';

  test("axios", async () => {
    const answer = await axios.get(url(), { responseType: "arraybuffer" });
    expect(answer.headers["x-offsets"]).toBe(offsets);
    expect(Buffer.from(answer.data)).toEqual(payload);
  });

  test("fetch", async () => {
    const answer = await fetch(url());
    expect(answer.headers.get("x-offsets")).toBe(offsets);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(payload);
  });

  test.each(["requests", "httpx"])("%s", async (library) => {
    const code = `
import ${library}, sys
answer = ${library}.get(sys.argv[1])
print(answer.headers["x-offsets"], answer.content.hex())`;
    expect(await python(code, url())).toBe(`${offsets} ${payload.toString("hex")}\n`);
  });
});

/** `GET /data/{stream_id}/mjpeg`: a stream of pictures as `multipart/x-mixed-replace`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../../support/gateway.ts";
import { type OpenAnswer, openAnswer, request } from "../../support/http.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { SEND_HIGH_WATER_BYTES: "64k" });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const jpeg = (text: string) => Buffer.concat([Buffer.of(0xff, 0xd8, 0xff, 0xe0), Buffer.from(text)]);
const add = (key: string, id: string, data: Uint8Array) =>
  redis.control.call("XADD", `default:${key}`, id, "d", data);
const open = (path: string) => openAnswer(`${gateway.http}/data/${path}`);

interface Part {
  /** The headers of the part behind, without which Chromium does not show this one. */
  readonly next: string;
  readonly body: Buffer;
}

/** Reads parts as Chromium does: one is whole when the headers behind its boundary have come. */
function readParts(answer: OpenAnswer) {
  const boundary = /^multipart\/x-mixed-replace; ?boundary=([\w-]+)$/.exec(
    String(answer.headers["content-type"]),
  )?.[1];
  const delimiter = Buffer.from(`--${boundary}\r\n`);
  let bytes = Buffer.alloc(0);
  let begun = false;

  async function upTo(mark: Buffer): Promise<Buffer | undefined> {
    for (;;) {
      const at = bytes.indexOf(mark);
      if (at >= 0) {
        const found = bytes.subarray(0, at);
        bytes = bytes.subarray(at + mark.length);
        return found;
      }
      const chunk = await answer.next();
      if (chunk === undefined) return undefined;
      bytes = Buffer.concat([bytes, chunk]);
    }
  }
  const headers = async () => (await upTo(Buffer.from("\r\n\r\n")))?.toString();

  return async function next(): Promise<Part | undefined> {
    if (!begun) {
      const preamble = await upTo(delimiter);
      if (preamble === undefined) return undefined;
      expect(preamble).toHaveLength(0);
      expect(await headers()).toBe("Content-Type: image/jpeg");
      begun = true;
    }
    const body = await upTo(Buffer.concat([Buffer.from("\r\n"), delimiter]));
    const behind = await headers();
    return body === undefined || behind === undefined ? undefined : { body, next: behind };
  };
}

test("shows the newest picture at once, also of a camera at rest, and then each that comes", async () => {
  await add("camera", "1-0", jpeg("old"));
  await add("camera", "2-0", jpeg("newest"));
  await using answer = await open("camera/mjpeg");
  expect(answer.status).toBe(200);
  expect(answer.headers["cache-control"]).toBe("no-store");
  const next = readParts(answer);
  expect(await next()).toEqual({ body: jpeg("newest"), next: "Content-Type: image/jpeg" });
  await add("camera", "3-0", jpeg("live"));
  expect((await next())?.body).toEqual(jpeg("live"));
  await add("camera", "4-0", jpeg("live too"));
  expect((await next())?.body).toEqual(jpeg("live too"));
});

test("with last_entry_id=$ shows only what comes", async () => {
  await add("later", "1-0", jpeg("old"));
  await using answer = await open("later/mjpeg?last_entry_id=$");
  const next = readParts(answer);
  await until("the reader waits", async () =>
    (await request(`${gateway.http}/metrics`)).text.includes("redis_streamer_tail_streams 1\n"),
  );
  await add("later", "2-0", jpeg("new"));
  expect((await next())?.body).toEqual(jpeg("new"));
});

test("is binary safe: a picture may hold anything, boundary look-alikes included", async () => {
  const tricky = Buffer.concat([
    jpeg(""),
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    jpeg("\r\n--"),
  ]);
  await add("tricky", "1-0", tricky);
  await using answer = await open("tricky/mjpeg");
  expect((await readParts(answer)())?.body).toEqual(tricky);
});

test("a part is said to be of the kind of the picture before: a camera sends one kind", async () => {
  const kinds: [string, Buffer][] = [
    ["image/jpeg", jpeg("x")],
    ["image/png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
    ["image/webp", Buffer.from("RIFF\0\0\0\0WEBPVP8 ")],
  ];
  await using answer = await open("kinds/mjpeg");
  const next = readParts(answer);
  let id = 1;
  for (const [type, data] of kinds) {
    await add("kinds", `${id++}-0`, data);
    expect(await next()).toEqual({ body: data, next: `Content-Type: ${type}` });
  }
});

test("of a browser that is slow skips pictures and never shows an older one; the last one comes", async () => {
  const total = 400;
  const picture = (i: number) => Buffer.concat([jpeg(`${i} `), Buffer.alloc(100_000)]);
  await using answer = await open("slow/mjpeg");
  const next = readParts(answer);
  answer.pause();
  for (let i = 1; i <= total; i++) await add("slow", `${i}-0`, picture(i));
  answer.resume();
  const shown: number[] = [];
  while (shown.at(-1) !== total) {
    const part = await next();
    shown.push(Number(/^\d+/.exec(String(part?.body.subarray(4, 10)))?.[0]));
  }
  expect(shown).toEqual(shown.toSorted((a, b) => a - b));
  expect(new Set(shown).size).toBe(shown.length);
  // 40 MB were stored; what the kernel and the high-water mark hold is far less.
  expect(shown.length).toBeLessThan(total / 2);
});

test("max_fps keeps its distance, and what is skipped is the older picture", async () => {
  await add("paced", "1-0", jpeg("1"));
  await using answer = await open("paced/mjpeg?max_fps=2");
  const next = readParts(answer);
  expect((await next())?.body).toEqual(jpeg("1"));
  // All within the half second until the next one is due.
  await Promise.all([2, 3, 4, 5].map((i) => add("paced", `${i}-0`, jpeg(`${i}`))));
  expect((await next())?.body).toEqual(jpeg("5"));
});

test("ends when the gateway stops", async () => {
  await using stopping = await startTestGateway(redis.url);
  await add("stop", "1-0", jpeg("x"));
  await using answer = await openAnswer(`${stopping.http}/data/stop/mjpeg`);
  const next = readParts(answer);
  expect((await next())?.body).toEqual(jpeg("x"));
  const closed = stopping.close();
  expect(await next()).toBeUndefined();
  await closed;
});

test.each([
  ["a+b/mjpeg", "stream_id"],
  ["a/mjpeg?max_fps=-1", "max_fps"],
  ["a/mjpeg?max_fps=fast", "max_fps"],
  ["a/mjpeg?last_entry_id=x", "last_entry_id"],
])("%s is a 400 that names it", async (path, name) => {
  const answer = await request(`${gateway.http}/data/${path}`);
  expect(answer.status).toBe(400);
  expect(answer.json()).toEqual({ error: expect.stringContaining(name), code: "BAD_PARAMETER" });
});
